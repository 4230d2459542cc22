"""Rates that were agreed with single sellers; for all others the service's own rate holds."""

import asyncio
import time
from datetime import datetime
from typing import Annotated

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.ids import new_id
from opside_chassis.money import BASIS_POINTS
from opside_chassis.wire import AnswerModel, ApiModel, PlainText
from stripe_payments.commissions.models import SellerRate
from stripe_payments.roles import ADMIN, API

FRESH_SECONDS = 5.0
"""So long after it was agreed, at most, a rate holds in every process."""


class AgreeRate(ApiModel):
    """A seller's rate in basis points (2000 are 20 %), and why."""

    rate_bp: Annotated[int, Field(ge=0, le=BASIS_POINTS)]
    note: Annotated[PlainText, Field(min_length=1, max_length=400)]


class AgreedRate(AnswerModel):
    """What was agreed with a seller, by whom, and why. Earlier fees keep the rate they were taken at."""

    user_id: str
    rate_bp: int
    set_by: str
    note: str
    set_at: datetime


class SellerRates:
    """The rates of this process: all of them, read again every few seconds, so that no request waits."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._rates: dict[str, int] = {}
        self._fresh_until = 0.0
        self._reading = asyncio.Lock()

    async def of(self, user_id: str, *, default_bp: int) -> int:
        """The seller's rate in basis points."""
        if time.monotonic() >= self._fresh_until:
            async with self._reading:
                if time.monotonic() >= self._fresh_until:
                    await self._read()
        return self._rates.get(user_id, default_bp)

    async def _read(self) -> None:
        # Every tenant: the request says whose rate is asked for.
        async with transaction(self._sessions, tenant=EVERY_TENANT, role=API) as session:
            self._rates = {row.user_id: row.rate_bp for row in await _newest(session)}
        self._fresh_until = time.monotonic() + FRESH_SECONDS


async def agree_rate(sessions: Sessions, user_id: str, agreed: AgreeRate, *, by: str) -> AgreedRate:
    """From now on; what was agreed before stays on record."""
    row = SellerRate(
        id=new_id("rat"), user_id=user_id, rate_bp=agreed.rate_bp, set_by=by, note=agreed.note
    )
    # Every tenant: an admin agrees with any seller.
    async with transaction(sessions, tenant=EVERY_TENANT, role=ADMIN) as session:
        session.add(row)
        await session.flush()
        await session.refresh(row)
    return _view(row)


async def agreed_rates(sessions: Sessions) -> list[AgreedRate]:
    """Of every seller with one, as it holds now."""
    async with transaction(sessions, tenant=EVERY_TENANT, role=ADMIN) as session:
        return [_view(row) for row in await _newest(session)]


async def _newest(session: AsyncSession) -> list[SellerRate]:
    query = (
        select(SellerRate)
        .ext(distinct_on(SellerRate.user_id))
        .order_by(SellerRate.user_id, SellerRate.id.desc())
    )
    return list(await session.scalars(query))


def _view(row: SellerRate) -> AgreedRate:
    return AgreedRate(
        user_id=row.user_id,
        rate_bp=row.rate_bp,
        set_by=row.set_by,
        note=row.note,
        set_at=row.set_at,
    )
