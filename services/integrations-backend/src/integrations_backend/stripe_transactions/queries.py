"""All SQL about sellers' Stripe transactions."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.stripe_oauth_api.gateway import BalanceTransaction
from integrations_backend.stripe_transactions.models import StripePull, StripeTransaction


async def pull_of(session: AsyncSession, user_id: str) -> StripePull | None:
    """How far the user's account was pulled."""
    return await session.get(StripePull, user_id)


async def begin(session: AsyncSession, *, user_id: str, account_id: str) -> None:
    """Make the row of an account; another account than before begins anew."""
    afresh = {
        "account_id": account_id,
        "newest_at": None,
        "page_after": None,
        "seen_newest_at": None,
        "pulled_at": None,
        "problem": None,
    }
    statement = insert(StripePull).values(user_id=user_id, **afresh)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["user_id"], set_=afresh, where=StripePull.account_id != account_id
        )
    )


async def move_on(session: AsyncSession, pull: StripePull, **values: object) -> bool:
    """Store a pull's next place, unless another worker has moved it meanwhile."""
    moved = await session.execute(
        update(StripePull)
        .where(
            StripePull.user_id == pull.user_id,
            StripePull.account_id == pull.account_id,
            StripePull.newest_at.is_not_distinct_from(pull.newest_at),
            StripePull.page_after.is_not_distinct_from(pull.page_after),
        )
        .values(**values)
        .returning(StripePull.user_id)
    )
    return moved.first() is not None


async def note_problem(session: AsyncSession, user_id: str, problem: str) -> None:
    """Say why a pull stopped."""
    await session.execute(
        update(StripePull).where(StripePull.user_id == user_id).values(problem=problem)
    )


async def record(
    session: AsyncSession,
    rows: Sequence[BalanceTransaction],
    *,
    user_id: str,
    account_id: str,
) -> int:
    """Keep movements that are not known yet; answers how many were new."""
    if not rows:
        return 0
    values = [
        {
            "user_id": user_id,
            "transaction_id": row.transaction_id,
            "account_id": account_id,
            "kind": row.kind,
            "category": row.category,
            "amount_minor": row.amount_minor,
            "fee_minor": row.fee_minor,
            "net_minor": row.net_minor,
            "currency": row.currency,
            "occurred_at": row.occurred_at,
            "available_on": row.available_on,
            "source_id": row.source_id,
            "description": row.description,
            "identifiers": [f"{one.named.value}:{one.value}" for one in row.identifiers],
        }
        for row in rows
    ]
    statement = insert(StripeTransaction).values(values).on_conflict_do_nothing()
    added = await session.execute(statement.returning(StripeTransaction.transaction_id))
    return len(added.all())


_LINK = text(
    """
    WITH names AS (
        SELECT transaction_id, name, split_part(name, ':', 1) AS named,
               substr(name, strpos(name, ':') + 1) AS value
          FROM stripe_transactions, unnest(identifiers) AS name
         WHERE user_id = :user_id AND case_id IS NULL AND recovery_id IS NULL
    ), found AS (
        SELECT n.transaction_id, n.name, r.case_id, r.recovery_id
          FROM names n JOIN case_recoveries r
            ON n.named = 'recovery' AND r.user_id = :user_id AND r.recovery_id = n.value
        UNION ALL
        SELECT n.transaction_id, n.name, c.id, NULL
          FROM names n JOIN refund_engine_cases c ON c.user_id = :user_id
           AND ((n.named = 'case' AND c.id = n.value)
             OR (n.named = 'claim' AND c.claim_id = n.value)
             OR (n.named = 'amazon_case' AND c.amazon_case_id = n.value))
        UNION ALL
        SELECT n.transaction_id, n.name, c.id, NULL
          FROM names n
          JOIN amazon_claims a
            ON n.named = 'order' AND a.user_id = :user_id AND a.order_id = n.value
          JOIN refund_engine_cases c ON c.user_id = a.user_id AND c.claim_id = a.id
    ), sure AS (
        -- One that names two cases is linked to neither: a person sees both orders in it.
        SELECT transaction_id, min(case_id) AS case_id, min(recovery_id) AS recovery_id,
               min(name) AS name
          FROM found
         GROUP BY transaction_id
        HAVING count(DISTINCT case_id) <= 1 AND count(DISTINCT recovery_id) <= 1
    )
    UPDATE stripe_transactions t
       SET case_id = sure.case_id, recovery_id = sure.recovery_id, linked_by = sure.name
      FROM sure
     WHERE t.user_id = :user_id AND t.transaction_id = sure.transaction_id
 RETURNING t.transaction_id
    """
)


async def link(session: AsyncSession, user_id: str) -> int:
    """Link movements to the case or recovery that they name; answers how many were linked now."""
    return len((await session.execute(_LINK, {"user_id": user_id})).all())


async def page(
    session: AsyncSession,
    *,
    user_id: str,
    before: tuple[datetime, str] | None,
    limit: int,
    case_id: str | None = None,
) -> list[StripeTransaction]:
    """A user's movements, newest first, one more than asked."""
    place = tuple_(StripeTransaction.occurred_at, StripeTransaction.transaction_id)
    query = select(StripeTransaction).where(StripeTransaction.user_id == user_id)
    if case_id is not None:
        query = query.where(StripeTransaction.case_id == case_id)
    if before is not None:
        query = query.where(place < before)
    newest = (StripeTransaction.occurred_at.desc(), StripeTransaction.transaction_id.desc())
    return list(await session.scalars(query.order_by(*newest).limit(limit + 1)))


async def one(
    session: AsyncSession, *, user_id: str, transaction_id: str
) -> StripeTransaction | None:
    """A movement of this user."""
    return await session.get(StripeTransaction, (user_id, transaction_id))


async def count(session: AsyncSession, user_id: str) -> int:
    """How many movements are kept of a user."""
    query = select(func.count()).where(StripeTransaction.user_id == user_id)
    return int((await session.execute(query)).scalar_one())
