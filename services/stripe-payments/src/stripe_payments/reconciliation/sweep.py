"""Bring every row to rest: overdue commissions, and events that never arrived."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

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

EVENTS_AT_ONCE = 200
"""A transaction, so that a busy half hour is listed well within the time of a job."""


async def sweep_overdue(sessions: Sessions) -> None:
    """Stage the next step of rows that should rest by now."""
    # Every tenant: overdue is overdue, whoever owns the row.
    async with transaction(sessions, tenant=EVERY_TENANT, role=JANITOR) as session:
        await nudge_overdue(session)


async def poll_events(sessions: Sessions, stripe: Stripe) -> None:
    """List what Stripe says happened into the same inbox; deliveries that came are repeats."""
    listed = await stripe.events_since(datetime.now(UTC) - LOOK_BACK)
    events = [_inbox_event(event) for event in listed if event["type"] in HANDLERS]
    for first in range(0, len(events), EVENTS_AT_ONCE):
        async with transaction(sessions, role=JANITOR) as session:
            for event in events[first : first + EVENTS_AT_ONCE]:
                await receive(session, event, kind=APPLY_STRIPE_EVENT)


def _inbox_event(event: Mapping[str, Any]) -> InboxEvent:
    reference = {"id": str(event["data"]["object"].get("id", "")), "endpoint": "platform"}
    return InboxEvent(
        source="stripe",
        event_id=str(event["id"]),
        type=str(event["type"]),
        payload={"reference": reference, "event": dict(event)},
    )
