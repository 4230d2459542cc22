"""All SQL about the book."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

_OPEN = text(
    """
    INSERT INTO journals (id, kind, effect, commission_id, invoice_id, transaction_number)
    VALUES (:id, :kind, :effect, :commission_id, :invoice_id, pg_current_xact_id()::text::bigint)
    ON CONFLICT (effect, kind) DO NOTHING RETURNING id
    """
)
_POST = text(
    "INSERT INTO postings (journal_id, line, account, currency, amount_minor)"
    " VALUES (:journal_id, :line, :account, :currency, :amount)"
)


async def open_journal(
    session: AsyncSession,
    *,
    journal_id: str,
    kind: str,
    effect: str,
    commission_id: str | None,
    invoice_id: str | None,
) -> str | None:
    """The new journal's id; None when this effect is booked already."""
    parameters = {
        "id": journal_id,
        "kind": kind,
        "effect": effect,
        "commission_id": commission_id,
        "invoice_id": invoice_id,
    }
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


_CLEARING = """
    SELECT j.effect, p.currency, sum(p.amount_minor)::bigint AS amount
      FROM journals j JOIN postings p ON p.journal_id = j.id
     WHERE p.account = 'asset:stripe_balance'
       AND {condition} GROUP BY j.effect, p.currency
"""


async def clearing_moves(
    session: AsyncSession, *, since: datetime | None, effects: Collection[str] | None
) -> Sequence[Row[Any]]:
    """What each object moved on the clearing account; chosen by time, or by object."""
    condition = "j.booked_at >= :since" if effects is None else "j.effect = ANY(:effects)"
    chosen = {"since": since} if effects is None else {"effects": list(effects)}
    return (await session.execute(text(_CLEARING.format(condition=condition)), chosen)).all()


async def journals_of(session: AsyncSession, commission_id: str) -> Sequence[Row[Any]]:
    """Every line of every journal of a commission, in the order of booking."""
    query = text(
        "SELECT j.id, j.kind, j.effect, j.booked_at, p.line, p.account, p.currency, p.amount_minor"
        " FROM journals j JOIN postings p ON p.journal_id = j.id"
        " WHERE j.commission_id = :id ORDER BY j.booked_at, j.id, p.line"
    )
    return (await session.execute(query, {"id": commission_id})).all()


async def commission_of_effect(session: AsyncSession, effect: str) -> str | None:
    """The commission of the journals over one object."""
    query = text("SELECT commission_id FROM journals WHERE effect = :effect LIMIT 1")
    found: str | None = (await session.execute(query, {"effect": effect})).scalar_one_or_none()
    return found


async def clearing_lines(
    session: AsyncSession, *, start: datetime, end: datetime
) -> Sequence[Row[Any]]:
    """Every posting on the clearing account in a span, with the commission it belongs to."""
    query = text(
        "SELECT j.booked_at, j.id, j.kind, j.effect, coalesce(j.commission_id, j.invoice_id) AS subject,"
        " coalesce(c.user_id, i.user_id) AS user_id, coalesce(c.claim_id, '') AS claim_id,"
        " coalesce(c.recovery_id, '') AS recovery_id, p.currency, p.amount_minor"
        " FROM journals j JOIN postings p ON p.journal_id = j.id"
        " LEFT JOIN commissions c ON c.id = j.commission_id"
        " LEFT JOIN stripe_invoices i ON i.id = j.invoice_id"
        " WHERE p.account = 'asset:stripe_balance' AND j.booked_at >= :start AND j.booked_at < :end"
        " ORDER BY j.booked_at, j.id, p.line"
    )
    return (await session.execute(query, {"start": start, "end": end})).all()
