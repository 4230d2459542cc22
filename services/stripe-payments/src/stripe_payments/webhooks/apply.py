"""Apply a stored Stripe event. It is a hint: the object is fetched, the state machine decides.

Order, age and repeats therefore do not matter. The fetch happens before the transaction; the flip of the
inbox row and its effect share one.
"""

import time
from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis import inbox
from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.inbox import InboxRow
from opside_chassis.outbox import StagedJob, fence
from stripe_payments import metrics
from stripe_payments.audit.cases import DISPUTE, close_dispute, open_case_once
from stripe_payments.clawbacks.access import refund_changed
from stripe_payments.commissions.access import (
    id_of_intent,
    nudge_transfer,
    resume_collecting,
    resume_transfers,
    settle_by_intent,
)
from stripe_payments.connected_accounts.changed import account_changed
from stripe_payments.customers.save_card import save_card
from stripe_payments.stripe_api.errors import ACCOUNT_GONE, Refused
from stripe_payments.stripe_api.gateway import Stripe
from stripe_payments.subscriptions.keep import keep_invoice, keep_subscription

APPLY_STRIPE_EVENT = "apply_stripe_event"

Effect = Callable[[AsyncSession], Awaitable[bool]]
"""What an event does, given the fetched object; False when it is not about us."""
Fetch = Callable[[Stripe, InboxRow], Awaitable[Effect | None]]


class Gone(Exception):
    """What the event is about can be fetched no more, and never will be; the text says why."""


async def apply_stripe_event(sessions: Sessions, stripe: Stripe, job: StagedJob) -> None:
    """Fetch, then apply and mark in one transaction. A failure leaves the event unapplied.

    Raises:
        OutcomeUnknown: Stripe did not answer; the event is tried again.
    """
    row = await inbox.read(sessions, job.payload["inboxId"])
    if not row.waiting:
        return
    # A payment in a connected account is its owner's: it is not there to be fetched by us.
    ours = not row.account or row.type in CONNECT_EVENTS
    fetch = HANDLERS.get(row.type) if ours else None
    why_ignored = ""
    try:
        effect = await fetch(stripe, row) if fetch else None
    except Gone as gone:
        effect, why_ignored = None, str(gone)
    # Every tenant: the fetched object says whose it is, not the event's metadata.
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        await fence(session, job)
        locked = await inbox.lock(session, row.id)
        if locked.waiting:
            applied = effect is not None and await effect(session)
            outcome = "applied" if applied else "ignored"
            await inbox.mark(session, row.id, outcome, error=why_ignored)
            metrics.when_committed(session, lambda: _measure(row, outcome))


def _measure(row: InboxRow, outcome: str) -> None:
    metrics.applied.add(1, {"type": row.type, "outcome": outcome})
    made_at = row.payload["event"].get("created")
    if isinstance(made_at, int):
        lag = max(time.time() - made_at, 0.0)
        metrics.webhook_lag_seconds.record(lag, {"type": row.type})


def _object_of(row: InboxRow) -> Mapping[str, object]:
    found: Mapping[str, object] = row.payload["event"]["data"]["object"]
    return found


async def _intent(stripe: Stripe, row: InboxRow) -> Effect | None:
    intent = await stripe.intent(str(_object_of(row)["id"]))
    return lambda session: settle_by_intent(session, intent)


async def _charge(stripe: Stripe, row: InboxRow) -> Effect | None:
    intent_id = _object_of(row).get("payment_intent")
    if not isinstance(intent_id, str):
        return None
    intent = await stripe.intent(intent_id)
    return lambda session: settle_by_intent(session, intent)


async def _card_saved(stripe: Stripe, row: InboxRow) -> Effect | None:
    setup = await stripe.setup(str(_object_of(row)["id"]))

    async def effect(session: AsyncSession) -> bool:
        user_id = await save_card(session, setup)
        if user_id is not None:
            await resume_collecting(session, user_id)
        return user_id is not None

    return effect


async def _account(stripe: Stripe, row: InboxRow) -> Effect | None:
    account_id = row.account or str(_object_of(row)["id"])
    try:
        account = await stripe.account(account_id)
    except Refused as refusal:
        if refusal.code != ACCOUNT_GONE:
            raise
        # Its owner took our access back after the event was made.
        raise Gone(f"{account_id} is no longer connected: {refusal}") from refusal

    async def effect(session: AsyncSession) -> bool:
        user_id = await account_changed(session, account)
        if user_id is not None and account.transfers_active:
            await resume_transfers(session, user_id)
        return user_id is not None

    return effect


async def _refund(stripe: Stripe, row: InboxRow) -> Effect | None:
    refund = await stripe.fetch_refund(str(_object_of(row)["id"]))
    return lambda session: refund_changed(session, refund)


async def _refunds_of_charge(stripe: Stripe, row: InboxRow) -> Effect | None:
    refunds = await stripe.refunds_of(str(_object_of(row)["id"]))

    async def effect(session: AsyncSession) -> bool:
        known = [await refund_changed(session, refund) for refund in refunds]
        return any(known)

    return effect


async def _transfer(_stripe: Stripe, row: InboxRow) -> Effect | None:
    """A hint alone: the job that sends the share looks its transfer up itself."""
    group = _object_of(row).get("transfer_group")
    return lambda session: nudge_transfer(session, str(group or ""))


async def _subscription(stripe: Stripe, row: InboxRow) -> Effect | None:
    found = await stripe.subscription(str(_object_of(row)["id"]))
    return lambda session: keep_subscription(session, found)


async def _invoice(stripe: Stripe, row: InboxRow) -> Effect | None:
    found = await stripe.invoice(str(_object_of(row)["id"]))
    return lambda session: keep_invoice(session, found)


async def _dispute(stripe: Stripe, row: InboxRow) -> Effect | None:
    """A case for a person; while it is open nothing of that charge is sent on."""
    dispute = await stripe.dispute(str(_object_of(row)["id"]))

    async def effect(session: AsyncSession) -> bool:
        commission_id = await id_of_intent(session, dispute.intent_id or "")
        if commission_id is None:
            return False
        if dispute.harmless:
            await close_dispute(session, commission_id)
        else:
            await open_case_once(
                session,
                kind=DISPUTE,
                reference=commission_id,
                reason=f"{dispute.id}: {dispute.reason}, {dispute.status},"
                f" {dispute.amount_minor} {dispute.currency}",
            )
        return True

    return effect


HANDLERS: Mapping[str, Fetch] = {
    "payment_intent.succeeded": _intent,
    "payment_intent.payment_failed": _intent,
    "payment_intent.processing": _intent,
    "payment_intent.requires_action": _intent,
    "payment_intent.canceled": _intent,
    **dict.fromkeys(
        (
            f"customer.subscription.{what}"
            for what in ("created", "updated", "deleted", "paused", "resumed", "trial_will_end")
        ),
        _subscription,
    ),
    **dict.fromkeys(
        (
            f"invoice.{what}"
            for what in (
                "finalized",
                "finalization_failed",
                "marked_uncollectible",
                "paid",
                "payment_action_required",
                "payment_failed",
                "payment_succeeded",
                "updated",
                "voided",
            )
        ),
        _invoice,
    ),
    "charge.succeeded": _charge,
    "charge.failed": _charge,
    "charge.refunded": _refunds_of_charge,
    **dict.fromkeys(
        (f"charge.dispute.{what}" for what in ("created", "updated", "closed")), _dispute
    ),
    "charge.refund.updated": _refund,
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
    "transfer.created": _transfer,
    "transfer.updated": _transfer,
    "transfer.reversed": _transfer,
    # Names of the source documents that Stripe sends no more (ruling R4).
    "transfer.paid": _transfer,
    "transfer.failed": _transfer,
    "setup_intent.succeeded": _card_saved,
    "account.updated": _account,
    "capability.updated": _account,
}
"""Every other type is stored and ignored."""
CONNECT_EVENTS = ("account.updated", "capability.updated")
"""What we are told of connected accounts."""
