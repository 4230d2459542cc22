"""Follow what Stripe says of subscriptions and invoices; the fetched object decides, never the event."""

from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.database import Sessions, transaction
from opside_chassis.ids import new_id
from opside_chassis.outbox import RetryLater, StagedJob, fence, stage
from stripe_payments.audit.cases import open_case_once
from stripe_payments.commissions.book_fee import MOST_WAITS, NOT_BOOKED_WAIT_SECONDS, NotBooked
from stripe_payments.customers.payer import owner_of_customer
from stripe_payments.ledger.book import book_subscription_charge
from stripe_payments.stripe_api.gateway import Stripe
from stripe_payments.stripe_api.plans import StripeInvoice, StripeSubscription
from stripe_payments.subscriptions import queries
from stripe_payments.subscriptions.models import Invoice, Subscription

BOOK_INVOICE = "book_invoice"
OVER = ("paid", "void")


async def keep_subscription(session: AsyncSession, found: StripeSubscription) -> bool:
    """Store the fetched subscription; False when its customer is none of ours."""
    row = await queries.by_stripe_id(session, found.id)
    if row is None and found.reference:
        row = await queries.by_id(session, found.reference)
    if row is None:
        owner = await owner_of_customer(session, found.customer_id)
        if owner is None:
            return False
        if await queries.live_of(session, owner, found.price_id) is not None:
            await open_case_once(
                session,
                kind="second_subscription",
                reference=found.id,
                reason=f"{owner} has a live subscription to {found.price_id} already",
            )
            return True
        # Made at Stripe, in Checkout or the dashboard: it counts all the same.
        row = Subscription(
            id=new_id("sbn"),
            user_id=owner,
            customer_id=found.customer_id,
            price_id=found.price_id,
            status=found.status,
        )
        copy_subscription(row, found)
        session.add(row)
    elif row.status not in queries.ENDED:
        copy_subscription(row, found)
    await session.flush()
    return True


def copy_subscription(row: Subscription, found: StripeSubscription) -> None:
    """Everything that Stripe may change."""
    row.subscription_id = found.id
    row.price_id = found.price_id or row.price_id
    row.status = found.status
    row.current_period_start = found.current_period_start
    row.current_period_end = found.current_period_end
    row.trial_end = found.trial_end
    row.cancel_at_period_end = found.cancel_at_period_end
    row.canceled_at = found.canceled_at
    row.ended_at = found.ended_at


async def keep_invoice(session: AsyncSession, found: StripeInvoice) -> bool:
    """Store the fetched invoice and have a paid one booked; False when it is none of ours."""
    row = await queries.invoice(session, found.id)
    if row is None:
        owner = await owner_of_customer(session, found.customer_id)
        if owner is None:
            return False
        row = Invoice(id=found.id, user_id=owner, customer_id=found.customer_id)
        _copy_invoice(row, found)
        session.add(row)
    elif row.status not in OVER or row.status == found.status:
        _copy_invoice(row, found)
    await session.flush()
    if found.status == "paid" and found.payment_intent_id:
        await stage(
            session,
            BOOK_INVOICE,
            {"invoiceId": row.id},
            tenant=row.user_id,
            dedupe_key=f"{BOOK_INVOICE}:{row.id}",
        )
    if found.status == "uncollectible" or (found.attempt_count and found.next_attempt_at is None):
        await _ask_a_person(session, found)
    return True


def _copy_invoice(row: Invoice, found: StripeInvoice) -> None:
    row.subscription_id = found.subscription_id
    row.number = found.number
    row.status = found.status
    row.billing_reason = found.billing_reason
    row.currency = found.currency
    row.total_minor = found.total_minor
    row.amount_due_minor = found.amount_due_minor
    row.amount_paid_minor = found.amount_paid_minor
    row.attempt_count = found.attempt_count
    row.next_attempt_at = found.next_attempt_at
    row.failure_reason = found.failure_reason
    row.hosted_url = found.hosted_url
    row.payment_intent_id = found.payment_intent_id
    row.period_start = found.period_start
    row.period_end = found.period_end
    row.finalized_at = found.finalized_at
    row.paid_at = found.paid_at


async def _ask_a_person(session: AsyncSession, found: StripeInvoice) -> None:
    """Stripe tries no more and it is not paid."""
    if found.status in {"open", "uncollectible"}:
        await open_case_once(
            session,
            kind="invoice_unpaid",
            reference=found.id,
            reason=f"not paid after {found.attempt_count} tries: {found.failure_reason or 'unknown'}",
        )


async def book_invoice(sessions: Sessions, stripe: Stripe, job: StagedJob) -> None:
    """Book what a paid invoice brought, and what Stripe kept of it; one journal of each a charge.

    Raises:
        RetryLater: Stripe has not booked the charge yet.
    """
    invoice = await stripe.invoice(job.payload["invoiceId"])
    if invoice.payment_intent_id is None:
        return
    intent = await stripe.intent(invoice.payment_intent_id)
    if intent.status != "succeeded" or intent.latest_charge_id is None:
        return
    charge = await stripe.charge(intent.latest_charge_id)
    if charge.fee_minor is None:
        if job.attempt > MOST_WAITS:
            raise NotBooked(charge.id)
        raise RetryLater(NOT_BOOKED_WAIT_SECONDS, "Stripe has not booked the charge yet")
    async with transaction(sessions, tenant=job.tenant or "") as session:
        await fence(session, job)
        await book_subscription_charge(
            session,
            invoice_id=invoice.id,
            charge_id=charge.id,
            currency=charge.currency,
            amount_minor=charge.amount_minor,
            fee_minor=charge.fee_minor,
        )
