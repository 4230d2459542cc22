"""Bring every row to rest: overdue commissions, and events that never arrived."""

from datetime import UTC, datetime, timedelta

from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.inbox import InboxEvent, receive
from opside_chassis.jobs import Schedule
from stripe_payments.commissions.access import nudge_overdue
from stripe_payments.reconciliation.compare import COMPARE_BOOKS
from stripe_payments.roles import JANITOR
from stripe_payments.stripe_api.gateway import Stripe
from stripe_payments.webhooks.apply import APPLY_STRIPE_EVENT, HANDLERS

SWEEP_OVERDUE = "sweep_overdue"
POLL_EVENTS = "poll_events"
SCHEDULES = (
    Schedule(SWEEP_OVERDUE, 30),
    Schedule(POLL_EVENTS, 60),
    Schedule(COMPARE_BOOKS, 24 * 3600),
)
LOOK_BACK = timedelta(minutes=30)
"""Events older than this were polled many times; an outage longer than it needs `poll` by command."""


async def sweep_overdue(sessions: Sessions) -> None:
    """Stage the next step of rows that should rest by now."""
    # Every tenant: overdue is overdue, whoever owns the row.
    async with transaction(sessions, tenant=EVERY_TENANT, role=JANITOR) as session:
        await nudge_overdue(session)


async def poll_events(sessions: Sessions, stripe: Stripe) -> None:
    """List what Stripe says happened into the same inbox; deliveries that came are repeats."""
    events = await stripe.events_since(datetime.now(UTC) - LOOK_BACK)
    for event in events:
        if event["type"] not in HANDLERS:
            continue
        reference = {"id": str(event["data"]["object"].get("id", "")), "endpoint": "platform"}
        async with transaction(sessions, role=JANITOR) as session:
            await receive(
                session,
                InboxEvent(
                    source="stripe",
                    event_id=str(event["id"]),
                    type=str(event["type"]),
                    payload={"reference": reference, "event": dict(event)},
                ),
                kind=APPLY_STRIPE_EVENT,
            )
