"""Reading subscriptions and invoices."""

from datetime import datetime

from opside_chassis.access import Caller
from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import NotFound
from opside_chassis.pagination import Page, PageQuery, decode_cursor, encode_cursor
from opside_chassis.wire import AnswerModel
from stripe_payments.subscriptions import queries
from stripe_payments.subscriptions.models import Invoice, Subscription


class SubscriptionView(AnswerModel):
    """A subscription as Stripe tells it."""

    id: str
    subscription_id: str | None
    customer_id: str
    price_id: str
    status: str
    current_period_start: datetime | None
    current_period_end: datetime | None
    trial_end: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    ended_at: datetime | None
    client_secret: str | None = None
    """Of the first payment, when the card's bank wants its owner; in the answer to starting only."""


class InvoiceView(AnswerModel):
    """An invoice; amounts in minor units."""

    invoice_id: str
    number: str | None
    subscription_id: str | None
    status: str
    billing_reason: str | None
    currency: str
    total_cents: int
    amount_due_cents: int
    amount_paid_cents: int
    attempt_count: int
    next_attempt_at: datetime | None
    failure_reason: str | None
    hosted_url: str | None
    period_start: datetime | None
    period_end: datetime | None
    finalized_at: datetime | None
    paid_at: datetime | None


async def list_subscriptions(
    sessions: Sessions, *, caller: Caller, user_id: str
) -> list[SubscriptionView]:
    """All of a user, newest first.

    Raises:
        NotFound: the caller asks for somebody else's.
    """
    _own(caller, user_id)
    async with transaction(sessions, tenant=user_id) as session:
        return [view(row) for row in await queries.of_user(session, user_id)]


async def list_invoices(
    sessions: Sessions, *, caller: Caller, user_id: str, page: PageQuery
) -> Page[InvoiceView]:
    """One page of a user's invoices, newest first.

    Raises:
        NotFound: the caller asks for somebody else's.
    """
    _own(caller, user_id)
    before = decode_cursor(page.cursor, parts=1)[0] if page.cursor else None
    async with transaction(sessions, tenant=user_id) as session:
        rows = await queries.invoices_of(session, user_id, before=before, limit=page.limit + 1)
    shown = rows[: page.limit]
    more = len(rows) > page.limit
    return Page[InvoiceView](
        items=[_invoice_view(row) for row in shown],
        next_cursor=encode_cursor(shown[-1].id) if more else None,
    )


def view(row: Subscription, *, client_secret: str | None = None) -> SubscriptionView:
    """A stored subscription as it is told."""
    return SubscriptionView(
        id=row.id,
        subscription_id=row.subscription_id,
        customer_id=row.customer_id,
        price_id=row.price_id,
        status=row.status,
        current_period_start=row.current_period_start,
        current_period_end=row.current_period_end,
        trial_end=row.trial_end,
        cancel_at_period_end=row.cancel_at_period_end,
        canceled_at=row.canceled_at,
        ended_at=row.ended_at,
        client_secret=client_secret,
    )


def _invoice_view(row: Invoice) -> InvoiceView:
    return InvoiceView(
        invoice_id=row.id,
        number=row.number,
        subscription_id=row.subscription_id,
        status=row.status,
        billing_reason=row.billing_reason,
        currency=row.currency,
        total_cents=row.total_minor,
        amount_due_cents=row.amount_due_minor,
        amount_paid_cents=row.amount_paid_minor,
        attempt_count=row.attempt_count,
        next_attempt_at=row.next_attempt_at,
        failure_reason=row.failure_reason,
        hosted_url=row.hosted_url,
        period_start=row.period_start,
        period_end=row.period_end,
        finalized_at=row.finalized_at,
        paid_at=row.paid_at,
    )


def _own(caller: Caller, user_id: str) -> None:
    if user_id != caller.user_id and not caller.is_admin:
        raise NotFound("there is no such user")
