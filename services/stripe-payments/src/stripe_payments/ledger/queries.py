"""All SQL about the book."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_OPEN = text(
    """
    INSERT INTO journals (id, kind, effect, commission_id, transaction_number)
    VALUES (:id, :kind, :effect, :commission_id, pg_current_xact_id()::text::bigint)
    ON CONFLICT (effect, kind) DO NOTHING RETURNING id
    """
)
_POST = text(
    "INSERT INTO postings (journal_id, line, account, currency, amount_minor)"
    " VALUES (:journal_id, :line, :account, :currency, :amount)"
)


async def open_journal(
    session: AsyncSession, *, journal_id: str, kind: str, effect: str, commission_id: str
) -> str | None:
    """The new journal's id; None when this effect is booked already."""
    parameters = {"id": journal_id, "kind": kind, "effect": effect, "commission_id": commission_id}
    opened: str | None = (await session.execute(_OPEN, parameters)).scalar_one_or_none()
    return opened


async def add_postings(
    session: AsyncSession, journal_id: str, *, currency: str, amounts: Mapping[str, int]
) -> None:
    """The lines of a journal opened in this same transaction."""
    rows = [
        {
            "journal_id": journal_id,
            "line": line,
            "account": account,
            "currency": currency,
            "amount": amount,
        }
        for line, (account, amount) in enumerate(amounts.items(), start=1)
    ]
    await session.execute(_POST, rows)


async def balances(session: AsyncSession) -> Sequence[Row[Any]]:
    """The balance of every account and currency."""
    query = text(
        "SELECT account, currency, sum(amount_minor)::bigint AS balance FROM postings"
        " GROUP BY account, currency ORDER BY account, currency"
    )
    return (await session.execute(query)).all()


async def totals(session: AsyncSession) -> Sequence[Row[Any]]:
    """What moved over the clearing account, by kind and currency."""
    query = text(
        "SELECT j.kind, p.currency, sum(p.amount_minor)::bigint AS amount"
        " FROM journals j JOIN postings p ON p.journal_id = j.id"
        " WHERE p.account = 'asset:stripe_balance' GROUP BY j.kind, p.currency"
    )
    return (await session.execute(query)).all()


async def unbalanced(session: AsyncSession) -> int:
    """Journals that do not sum to zero in some currency; the database allows none."""
    query = text(
        "SELECT count(*) FROM (SELECT journal_id FROM postings GROUP BY journal_id, currency"
        " HAVING sum(amount_minor) <> 0) broken"
    )
    count: int = (await session.execute(query)).scalar_one()
    return count


async def count_journals(session: AsyncSession) -> int:
    """All journals."""
    count: int = (await session.execute(text("SELECT count(*) FROM journals"))).scalar_one()
    return count
