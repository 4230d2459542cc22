"""What a worker measures: runs by outcome, their time, and how deep the queue is; and the queue's health."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from outbox_parts import relay_for
from sqlalchemy import text

from opside_chassis.database import Database, Sessions, transaction
from opside_chassis.health import QueueStands, queue_check
from opside_chassis.jobs import Workshop, drain
from opside_chassis.outbox import RetryLater, StagedJob, stage


@pytest.fixture(scope="module")
def reader() -> InMemoryMetricReader:
    """What a collector would be sent; instruments made before find it all the same."""
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader]))
    return reader


def points(reader: InMemoryMetricReader, name: str) -> dict[tuple[Any, ...], Any]:
    """Attributes -> value, or count for a histogram."""
    data = reader.get_metrics_data()
    found = {}
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                if metric.name == name:
                    for point in metric.data.data_points:
                        key = tuple(sorted((point.attributes or {}).items()))
                        found[key] = getattr(point, "value", None) or getattr(point, "count", 0)
    return found


async def never(_job: StagedJob, _reason: str) -> None:
    """Nothing is parked here."""


async def fine(_job: StagedJob) -> None:
    """Does its work."""


async def broken(_job: StagedJob) -> None:
    raise ValueError("no")


async def later(_job: StagedJob) -> None:
    raise RetryLater(60, "not yet")


def workshop_of(sessions: Sessions) -> Workshop:
    return Workshop(sessions, {"fine": fine, "broken": broken, "later": later}, never)  # type: ignore[arg-type]


async def test_runs_are_counted_by_outcome(
    committed_sessions: Sessions, reader: InMemoryMetricReader
) -> None:
    async with transaction(committed_sessions) as session:
        for kind in ("fine", "fine", "broken", "later"):
            await stage(session, kind, {})
    await drain(workshop_of(committed_sessions))
    counted = points(reader, "opside.jobs.finished")
    assert counted[("kind", "fine"), ("outcome", "done")] == 2
    assert counted[("kind", "broken"), ("outcome", "failed")] == 1
    assert counted[("kind", "later"), ("outcome", "postponed")] == 1
    assert points(reader, "opside.jobs.duration")[(("kind", "fine"),)] == 2


async def test_the_depth_of_the_queue_is_measured(
    committed_database: Database, reader: InMemoryMetricReader
) -> None:
    sessions = committed_database.sessions
    async with transaction(sessions) as session:
        await stage(session, "fine", {}, due_at=datetime.now(UTC) + timedelta(hours=1))
    relay = relay_for(committed_database, "redis://127.0.0.1:1/0", workshop_of(sessions))
    await relay.sweep()
    depth = points(reader, "opside.jobs.queued")
    assert depth[("service", relay.service), ("state", "planned")] == 1


async def test_a_queue_that_nobody_works_on_is_not_well(committed_sessions: Sessions) -> None:
    check = queue_check(committed_sessions)
    async with transaction(committed_sessions) as session:
        await stage(session, "fine", {})
    await check.run()
    async with transaction(committed_sessions) as session:
        await session.execute(text("UPDATE outbox SET due_at = now() - interval '61 s'"))
    with pytest.raises(QueueStands):
        await check.run()
