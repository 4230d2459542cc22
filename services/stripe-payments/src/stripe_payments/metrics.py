"""What this service measures of its business (OP07-OP10); jobs, queue and requests the chassis measures.

Amounts are minor units of the attribute `currency`. What a transaction does is counted once it is
committed; how many of something there are now, each worker asks the database every minute.
"""

from collections.abc import Callable

from opentelemetry import metrics
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

_meter = metrics.get_meter(__name__)
_PREFIX = "opside.payments"
_WAITING = "opside.measured"

charges = _meter.create_counter(
    f"{_PREFIX}.charges", unit="{charge}", description="Charges by outcome, reason and currency"
)
charged_amount = _meter.create_histogram(
    f"{_PREFIX}.charge.amount", unit="{minor}", description="What a successful charge was over"
)
settle_seconds = _meter.create_histogram(
    f"{_PREFIX}.settle.duration",
    unit="s",
    description="From the accepted request to the settled commission",
)
revenue = _meter.create_up_down_counter(
    f"{_PREFIX}.commission.revenue",
    unit="{minor}",
    description="Fees collected, less fees credited back",
)
transfers = _meter.create_counter(
    f"{_PREFIX}.transfers",
    unit="{transfer}",
    description="Sellers' shares: sent, blocked (their account), unknown (no answer)",
)
clawbacks = _meter.create_counter(
    f"{_PREFIX}.clawbacks", unit="{clawback}", description="Steps that clawbacks came to"
)
refunded = _meter.create_counter(
    f"{_PREFIX}.refunded", unit="{minor}", description="Money given back to payers"
)
webhooks = _meter.create_counter(
    f"{_PREFIX}.webhooks.received",
    unit="{event}",
    description="Deliveries: stored, ignored (nobody handles their type), repeated, refused",
)
applied = _meter.create_counter(
    f"{_PREFIX}.webhooks.applied", unit="{event}", description="Stored events by type and outcome"
)
webhook_lag_seconds = _meter.create_histogram(
    f"{_PREFIX}.webhooks.lag", unit="s", description="From Stripe's event to its effect here"
)

open_breaks = _meter.create_gauge(
    f"{_PREFIX}.breaks.open", unit="{break}", description="Open differences to Stripe's book by age"
)
open_cases = _meter.create_gauge(
    f"{_PREFIX}.cases.open", unit="{case}", description="What waits for a person, by kind"
)
accounts = _meter.create_gauge(
    f"{_PREFIX}.accounts", unit="{account}", description="Sellers' accounts by how far they came"
)
subscriptions = _meter.create_gauge(
    f"{_PREFIX}.subscriptions", unit="{subscription}", description="Subscriptions by status"
)


def when_committed(session: AsyncSession, measure: Callable[[], None]) -> None:
    """Measure once the session's transaction is committed; not at all when it is rolled back."""
    session.info.setdefault(_WAITING, []).append(measure)


@event.listens_for(Session, "after_commit")
def _measure(session: Session) -> None:
    for measure in session.info.pop(_WAITING, ()):
        measure()


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(_WAITING, None)
