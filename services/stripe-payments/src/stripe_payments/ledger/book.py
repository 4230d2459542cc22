"""Write journals. Every call is safe to repeat: one effect gives one journal of its kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.ids import new_id
from stripe_payments.ledger import queries


class BookAccount(StrEnum):
    """The accounts of the book."""

    STRIPE_BALANCE = "asset:stripe_balance"
    """Clearing account: equals the platform's balance at Stripe."""
    COMMISSION_REVENUE = "revenue:commission"
    SUBSCRIPTION_REVENUE = "revenue:subscription"
    PROCESSOR_FEES = "expense:processor_fees"
    SELLER_PAYABLE = "liability:seller_share"
    """Collected in gross mode and owed to sellers; a debit is a share to be taken back."""
    REFUNDS_DUE = "liability:refunds_due"
    """Credited to payers and not refunded yet."""


class JournalKind(StrEnum):
    """What happened."""

    CHARGE = "charge"
    PROCESSOR_FEE = "processor_fee"
    TRANSFER = "transfer"
    CREDIT_NOTE = "credit_note"
    TRANSFER_REVERSAL = "transfer_reversal"
    REFUND = "refund"
    REFUND_FAILED = "refund_failed"
    SUBSCRIPTION_CHARGE = "subscription_charge"


@dataclass(frozen=True, slots=True)
class Subject:
    """What an effect is about: a commission or an invoice."""

    commission_id: str | None = None
    invoice_id: str | None = None


async def book_charge(
    session: AsyncSession,
    *,
    commission_id: str,
    charge_id: str,
    currency: str,
    fee_minor: int,
    owed_minor: int,
) -> None:
    """Money collected: our fee, and what of it is owed to the seller (zero in fee_only)."""
    await _book(
        session,
        JournalKind.CHARGE,
        charge_id,
        Subject(commission_id),
        currency,
        {
            BookAccount.STRIPE_BALANCE: fee_minor + owed_minor,
            BookAccount.COMMISSION_REVENUE: -fee_minor,
            BookAccount.SELLER_PAYABLE: -owed_minor,
        },
    )


async def book_processor_fee(
    session: AsyncSession, *, commission_id: str, charge_id: str, currency: str, fee_minor: int
) -> None:
    """What Stripe kept of a charge: our cost, never netted into the commission."""
    await _book(
        session,
        JournalKind.PROCESSOR_FEE,
        charge_id,
        Subject(commission_id),
        currency,
        {BookAccount.PROCESSOR_FEES: fee_minor, BookAccount.STRIPE_BALANCE: -fee_minor},
    )


async def book_transfer(
    session: AsyncSession, *, commission_id: str, transfer_id: str, currency: str, amount_minor: int
) -> None:
    """The seller's share left our balance."""
    await _book(
        session,
        JournalKind.TRANSFER,
        transfer_id,
        Subject(commission_id),
        currency,
        {BookAccount.SELLER_PAYABLE: amount_minor, BookAccount.STRIPE_BALANCE: -amount_minor},
    )


async def book_credit_note(
    session: AsyncSession,
    *,
    commission_id: str,
    clawback_id: str,
    currency: str,
    fee_minor: int,
    share_minor: int,
) -> None:
    """We owe the payer this part of our fee, and (gross) of the seller's share, from now on."""
    await _book(
        session,
        JournalKind.CREDIT_NOTE,
        clawback_id,
        Subject(commission_id),
        currency,
        {
            BookAccount.COMMISSION_REVENUE: fee_minor,
            BookAccount.SELLER_PAYABLE: share_minor,
            BookAccount.REFUNDS_DUE: -fee_minor - share_minor,
        },
    )


async def book_transfer_reversal(
    session: AsyncSession, *, commission_id: str, reversal_id: str, currency: str, amount_minor: int
) -> None:
    """A part of the seller's share came back from his account."""
    await _book(
        session,
        JournalKind.TRANSFER_REVERSAL,
        reversal_id,
        Subject(commission_id),
        currency,
        {BookAccount.STRIPE_BALANCE: amount_minor, BookAccount.SELLER_PAYABLE: -amount_minor},
    )


async def book_refund(
    session: AsyncSession, *, commission_id: str, refund_id: str, currency: str, amount_minor: int
) -> None:
    """Money left our balance for the payer."""
    await _book(
        session,
        JournalKind.REFUND,
        refund_id,
        Subject(commission_id),
        currency,
        {BookAccount.REFUNDS_DUE: amount_minor, BookAccount.STRIPE_BALANCE: -amount_minor},
    )


async def book_failed_refund(
    session: AsyncSession, *, commission_id: str, refund_id: str, currency: str, amount_minor: int
) -> None:
    """The payer's bank sent a refund back: the reverse of its journal."""
    await _book(
        session,
        JournalKind.REFUND_FAILED,
        refund_id,
        Subject(commission_id),
        currency,
        {BookAccount.STRIPE_BALANCE: amount_minor, BookAccount.REFUNDS_DUE: -amount_minor},
    )


async def book_subscription_charge(
    session: AsyncSession,
    *,
    invoice_id: str,
    charge_id: str,
    currency: str,
    amount_minor: int,
    fee_minor: int,
) -> None:
    """A paid invoice, and what Stripe kept of it: our revenue and our cost, two journals."""
    await _book(
        session,
        JournalKind.SUBSCRIPTION_CHARGE,
        charge_id,
        Subject(invoice_id=invoice_id),
        currency,
        {
            BookAccount.STRIPE_BALANCE: amount_minor,
            BookAccount.SUBSCRIPTION_REVENUE: -amount_minor,
        },
    )
    await _book(
        session,
        JournalKind.PROCESSOR_FEE,
        charge_id,
        Subject(invoice_id=invoice_id),
        currency,
        {BookAccount.PROCESSOR_FEES: fee_minor, BookAccount.STRIPE_BALANCE: -fee_minor},
    )


async def _book(
    session: AsyncSession,
    kind: JournalKind,
    effect: str,
    subject: Subject,
    currency: str,
    lines: Mapping[BookAccount, int],
) -> None:
    amounts = {account.value: amount for account, amount in lines.items() if amount}
    if not amounts:
        return
    journal_id = await queries.open_journal(
        session,
        journal_id=new_id("jrn"),
        kind=kind.value,
        effect=effect,
        commission_id=subject.commission_id,
        invoice_id=subject.invoice_id,
    )
    if journal_id is not None:
        await queries.add_postings(session, journal_id, currency=currency, amounts=amounts)
