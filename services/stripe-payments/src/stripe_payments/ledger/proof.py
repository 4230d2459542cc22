"""The proof that the book balances, in figures that can be held against Stripe's own."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.database import Sessions, transaction
from opside_chassis.wire import AnswerModel
from stripe_payments.ledger import queries
from stripe_payments.ledger.book import BookAccount, JournalKind
from stripe_payments.roles import AUDITOR


class AccountBalance(AnswerModel):
    """One account in one currency; debits positive, minor units."""

    account: str
    currency: str
    balance_minor: int


class CurrencyTotals(AnswerModel):
    """What moved, and what the platform's balance at Stripe must be. Minor units."""

    charges_gross_minor: int = 0
    processor_fees_minor: int = 0
    refunds_minor: int = 0
    transfers_minor: int = 0
    reversals_minor: int = 0
    platform_balance_minor: int = 0


class LedgerProof(AnswerModel):
    """A trial balance."""

    journals: int
    unbalanced_journals: int
    accounts: list[AccountBalance]
    totals: dict[str, CurrencyTotals]


_TOTAL_OF = {
    JournalKind.CHARGE.value: ("charges_gross_minor", 1),
    JournalKind.SUBSCRIPTION_CHARGE.value: ("charges_gross_minor", 1),
    JournalKind.PROCESSOR_FEE.value: ("processor_fees_minor", -1),
    JournalKind.TRANSFER.value: ("transfers_minor", -1),
    JournalKind.TRANSFER_REVERSAL.value: ("reversals_minor", 1),
    JournalKind.REFUND.value: ("refunds_minor", -1),
    JournalKind.REFUND_FAILED.value: ("refunds_minor", -1),
}


async def prove(sessions: Sessions) -> LedgerProof:
    """Recompute everything from the postings."""
    async with transaction(sessions, role=AUDITOR) as session:
        balances = await queries.balances(session)
        moved = await queries.totals(session)
        journals = await queries.count_journals(session)
        unbalanced = await queries.unbalanced(session)
    totals: dict[str, dict[str, int]] = defaultdict(dict)
    for row in moved:
        name, sign = _TOTAL_OF[row.kind]
        totals[row.currency][name] = totals[row.currency].get(name, 0) + sign * row.amount
    for row in balances:
        if row.account == BookAccount.STRIPE_BALANCE.value:
            totals[row.currency]["platform_balance_minor"] = row.balance
    return LedgerProof(
        journals=journals,
        unbalanced_journals=unbalanced,
        accounts=[
            AccountBalance(account=row.account, currency=row.currency, balance_minor=row.balance)
            for row in balances
        ],
        totals={currency: CurrencyTotals(**found) for currency, found in totals.items()},
    )


async def moved_by_effect(
    session: AsyncSession,
    *,
    since: datetime | None = None,
    effects: Collection[str] | None = None,
) -> dict[tuple[str, str], int]:
    """By Stripe object and currency, what it moved on our clearing account, minor units.

    Of journals booked since then, or of these objects whenever they were booked.
    """
    rows = await queries.clearing_moves(session, since=since, effects=effects)
    return {(row.effect, row.currency): row.amount for row in rows if row.amount}


async def platform_balance(session: AsyncSession) -> dict[str, int]:
    """What our book says the platform has at Stripe, by currency, minor units."""
    return {
        row.currency: row.balance
        for row in await queries.balances(session)
        if row.account == BookAccount.STRIPE_BALANCE.value
    }


async def commission_of_effect(session: AsyncSession, effect: str) -> str | None:
    """The commission whose book has a journal of this Stripe object."""
    return await queries.commission_of_effect(session, effect)


async def lines_of_commission(session: AsyncSession, commission_id: str) -> Sequence[Any]:
    """Every line of every journal of a commission, in the order of booking."""
    return await queries.journals_of(session, commission_id)


async def clearing_lines(session: AsyncSession, *, start: datetime, end: datetime) -> Sequence[Any]:
    """Every movement of the platform's balance in a span, with whose it was, oldest first."""
    return await queries.clearing_lines(session, start=start, end=end)
