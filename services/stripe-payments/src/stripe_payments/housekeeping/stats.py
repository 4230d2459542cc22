"""How much of everything waits."""

from datetime import UTC, datetime, timedelta

from opside_chassis.database import Sessions, transaction
from opside_chassis.wire import AnswerModel
from stripe_payments.housekeeping import queries
from stripe_payments.roles import AUDITOR

MOST_EVENTS = 200
IGNORED_SPAN = timedelta(days=1)


class JobCounts(AnswerModel):
    """Jobs that are not done."""

    kind: str
    waiting: int
    """Due and not taken up."""
    planned: int
    active: int
    failed: int
    """Failed at least once and to be tried again."""
    dead: int
    """Given up; each has an open case."""
    oldest_seconds: int | None


class QueueStats(AnswerModel):
    """All jobs, and by kind."""

    waiting: int
    planned: int
    active: int
    failed: int
    dead: int
    kinds: list[JobCounts]


class UnprocessedEvent(AnswerModel):
    """A stored event without an effect yet."""

    event_id: str
    type: str
    account: str
    status: str
    attempts: int
    last_error: str | None
    received_at: datetime
    age_seconds: int


class IgnoredType(AnswerModel):
    """Events that had no effect and never will: nobody handles their type, or they were not about us."""

    type: str
    number: int
    latest_at: datetime


class UnprocessedEvents(AnswerModel):
    """The oldest 200, and what was ignored in the last day."""

    total: int
    events: list[UnprocessedEvent]
    ignored: list[IgnoredType]


class KeyCounts(AnswerModel):
    """Idempotency keys of one caller on one route."""

    caller: str
    route: str
    keys: int
    oldest_at: datetime


async def queue_stats(sessions: Sessions) -> QueueStats:
    """Counted in the outbox, which is the queue; Redis only carries ids."""
    async with transaction(sessions, role=AUDITOR) as session:
        kinds = [
            JobCounts(
                kind=row.kind,
                waiting=row.waiting,
                planned=row.planned,
                active=row.active,
                failed=row.failed,
                dead=row.dead,
                oldest_seconds=row.oldest_seconds,
            )
            for row in await queries.job_counts(session)
        ]
    return QueueStats(
        waiting=sum(one.waiting for one in kinds),
        planned=sum(one.planned for one in kinds),
        active=sum(one.active for one in kinds),
        failed=sum(one.failed for one in kinds),
        dead=sum(one.dead for one in kinds),
        kinds=kinds,
    )


async def unprocessed_events(sessions: Sessions) -> UnprocessedEvents:
    """Events that wait or were given up, oldest first, and types that had no effect."""
    async with transaction(sessions, role=AUDITOR) as session:
        total = await queries.count_unapplied(session)
        rows = await queries.unapplied_events(session, limit=MOST_EVENTS)
        ignored = await queries.ignored_types(
            session, since=datetime.now(UTC) - IGNORED_SPAN, limit=MOST_EVENTS
        )
    events = [
        UnprocessedEvent(
            event_id=row.event_id,
            type=row.type,
            account=row.account,
            status=row.status,
            attempts=row.attempts,
            last_error=row.last_error,
            received_at=row.received_at,
            age_seconds=row.age_seconds,
        )
        for row in rows
    ]
    return UnprocessedEvents(
        total=total,
        events=events,
        ignored=[
            IgnoredType(type=row.type, number=row.number, latest_at=row.latest_at)
            for row in ignored
        ],
    )


async def idempotency_stats(sessions: Sessions) -> list[KeyCounts]:
    """How many keys are remembered, and since when."""
    async with transaction(sessions, role=AUDITOR) as session:
        return [
            KeyCounts(caller=row.caller, route=row.route, keys=row.keys, oldest_at=row.oldest_at)
            for row in await queries.key_counts(session)
        ]
