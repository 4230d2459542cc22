"""All SQL about onboardings."""

from datetime import datetime

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.onboarding.models import GivenUpOnboarding, Reason, StripeAccount


async def account_of(session: AsyncSession, user_id: str) -> StripeAccount | None:
    """The seller's account."""
    return await session.get(StripeAccount, user_id)


async def keep_account(session: AsyncSession, user_id: str, account_id: str) -> None:
    """The account is there: nothing is given up any more."""
    values = {"user_id": user_id, "stripe_account_id": account_id}
    await session.execute(insert(StripeAccount).values(values).on_conflict_do_nothing())
    await session.execute(delete(GivenUpOnboarding).where(GivenUpOnboarding.user_id == user_id))


async def given_up(session: AsyncSession, user_id: str) -> GivenUpOnboarding | None:
    """How the seller's last job ended, if it was given up and none follows yet."""
    return await session.get(GivenUpOnboarding, user_id)


async def give_up(session: AsyncSession, fresh: GivenUpOnboarding) -> None:
    """Keep how it ended, instead of how the one before did."""
    values = {"reason": fresh.reason, "code": fresh.code, "given_up_at": fresh.given_up_at}
    statement = insert(GivenUpOnboarding).values(user_id=fresh.user_id, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["user_id"], set_=values))


async def take_due(session: AsyncSession, *, given_up_before: datetime, limit: int) -> list[str]:
    """Take out sellers whose job ended because somebody was away; each by one worker only."""
    due = (
        select(GivenUpOnboarding.user_id)
        .where(
            GivenUpOnboarding.reason == Reason.UNAVAILABLE.value,
            GivenUpOnboarding.given_up_at <= given_up_before,
        )
        .order_by(GivenUpOnboarding.given_up_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = delete(GivenUpOnboarding).where(GivenUpOnboarding.user_id.in_(due))
    taken = await session.scalars(statement.returning(GivenUpOnboarding.user_id))
    return list(taken)


async def has_job(session: AsyncSession, user_id: str, kind: str) -> bool:
    """Whether a job of this kind waits or runs for the seller."""
    query = text(
        "SELECT EXISTS (SELECT FROM outbox WHERE status IN ('waiting', 'leased')"
        " AND tenant = :user_id AND kind = :kind)"
    )
    return bool(await session.scalar(query, {"user_id": user_id, "kind": kind}))
