"""Order the erasure of an account, look at it, change one's mind."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.accounts.profile import address_of, is_user
from main_api.user_data import queries
from main_api.user_data.models import AccountErasure, ErasureState
from opside_chassis.clock import Clock
from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.errors import Conflict, NotFound, Unprocessable
from opside_chassis.ids import new_id
from opside_chassis.outbox import stage

ERASE_ACCOUNT = "erase_account"
TELL_ERASURE = "tell_erasure"
"""The letter about an order that waits, or about its end."""
USER, OPERATOR = "user", "operator"
"""Who orders."""


class NotConfirmed(Unprocessable):
    """What was typed is not the account's own address."""

    code = "not_confirmed"


class ErasureBegan(Conflict):
    """It is too late to change one's mind."""

    code = "erasure_began"


@dataclass(frozen=True, slots=True)
class ErasureOrder:
    """Whose account, the address that was typed for it, who orders (`USER` or `OPERATOR`)."""

    user_id: str
    confirm: str
    ordered_by: str
    waiting: timedelta
    """So long the user can change his mind."""


async def order_erasure(sessions: Sessions, order: ErasureOrder, *, clock: Clock) -> AccountErasure:
    """The order that is open already, or else a new one.

    An operator's also gives an open one another job, should its own have been given up.

    Raises:
        NotFound: there is no such user.
        NotConfirmed: the address is not his.
    """
    now = clock()
    fresh = AccountErasure(
        id=new_id("era"),
        user_id=order.user_id,
        state=ErasureState.WAITING.value,
        ordered_by=order.ordered_by,
        ordered_at=now,
        starts_at=now + order.waiting,
    )
    async with transaction(sessions, tenant=order.user_id) as session:
        erasure = await queries.open_erasure(session, order.user_id)
        # Once it runs there is no address left to compare with.
        if erasure is None or erasure.state == ErasureState.WAITING.value:
            await _check(session, order)
        if erasure is not None and order.ordered_by == USER:
            return erasure
        erasure = erasure or await queries.begin_erasure(session, fresh)
        # No tenant: the job must outlive the user's own rows.
        payload = {"erasureId": erasure.id}
        await stage(session, ERASE_ACCOUNT, payload, due_at=max(erasure.starts_at, now))
        # One without time to change one's mind is told of by its own job, before it begins.
        if erasure.id == fresh.id and erasure.starts_at > now:
            await stage(session, TELL_ERASURE, payload, tenant=order.user_id)
        return erasure


async def _check(session: AsyncSession, order: ErasureOrder) -> None:
    if not await is_user(session, order.user_id):
        raise NotFound("there is no such user")
    address = await address_of(session, order.user_id)
    if address is None:
        return  # erased already: whatever came in since then goes too
    if address.casefold() != order.confirm.strip().casefold():
        raise NotConfirmed("type the e-mail address of this account to confirm")


async def read_erasure(sessions: Sessions, *, user_id: str) -> AccountErasure:
    """Raises `NotFound`: none is open."""
    async with transaction(sessions, tenant=user_id) as session:
        erasure = await queries.open_erasure(session, user_id)
    if erasure is None:
        raise NotFound("no erasure of this account was ordered")
    return erasure


async def cancel_erasure(sessions: Sessions, *, user_id: str, clock: Clock) -> None:
    """Change one's mind.

    Raises:
        NotFound: none is open.
        ErasureBegan: it cannot be undone.
    """
    async with transaction(sessions, tenant=user_id) as session:
        erasure = await queries.open_erasure(session, user_id, lock=True)
        if erasure is None:
            raise NotFound("no erasure of this account was ordered")
        if erasure.state == ErasureState.RUNNING.value:
            raise ErasureBegan("the erasure has begun and cannot be undone")
        erasure.state, erasure.ended_at = ErasureState.CANCELLED.value, clock()
        await stage(session, TELL_ERASURE, {"erasureId": erasure.id}, tenant=user_id)


async def erasure_of_job(sessions: Sessions, erasure_id: str) -> AccountErasure:
    """The order that a job is about."""
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        return await queries.erasure_by_id(session, erasure_id)
