"""What the business is measured by: counted when it is committed, and only then."""

import time
from typing import Any

import pytest
from door import Door
from factories.clawback_acts import charged, take_back
from factories.commission_bench import GROSS, Bench, ask
from fakes.stripe_fake import DECLINED, GOOD, unknown
from opentelemetry import metrics as otel
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from sqlalchemy import text

from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from stripe_payments import metrics
from stripe_payments.reconciliation.measure import Measurer
from stripe_payments.roles import JANITOR

Points = dict[tuple[str, ...], float]


@pytest.fixture(scope="module")
def reader() -> InMemoryMetricReader:
    """What a collector would be sent; instruments made before find it all the same."""
    reader = InMemoryMetricReader()
    otel.set_meter_provider(MeterProvider([reader]))
    return reader


def now(reader: InMemoryMetricReader, name: str) -> Points:
    """Attribute values, by their names' order -> value, or the number of a histogram's."""
    found: Points = {}
    data = reader.get_metrics_data()
    for resource in data.resource_metrics if data else ():
        for metric in (one for scope in resource.scope_metrics for one in scope.metrics):
            if metric.name == f"opside.payments.{name}":
                for point in metric.data.data_points:
                    key = tuple(str(value) for _, value in sorted((point.attributes or {}).items()))
                    found[key] = (
                        point.count if isinstance(point, HistogramDataPoint) else point.value
                    )
    return found


class Grown:
    """By how much a measure grew since this was made."""

    def __init__(self, reader: InMemoryMetricReader) -> None:
        self._reader = reader
        self._before: dict[str, Points] = {}

    def of(self, name: str) -> Points:
        before = self._before.get(name, {})
        after = now(self._reader, name)
        grown = {key: value - before.get(key, 0) for key, value in after.items()}
        return {key: value for key, value in grown.items() if value}

    def start(self, *names: str) -> "Grown":
        self._before = {name: now(self._reader, name) for name in names}
        return self


@pytest.fixture
def grown(reader: InMemoryMetricReader) -> Grown:
    return Grown(reader).start(
        "charges",
        "charge.amount",
        "settle.duration",
        "commission.revenue",
        "transfers",
        "clawbacks",
        "refunded",
        "webhooks.received",
        "webhooks.applied",
        "webhooks.lag",
    )


async def test_a_life_is_measured(bench: Bench, grown: Grown) -> None:
    commission = await charged(bench, gross=True)
    assert grown.of("charges") == {("usd", "succeeded", ""): 1}
    assert grown.of("charge.amount") == {("usd",): 1}
    assert grown.of("transfers") == {("usd", "sent"): 1}
    assert grown.of("settle.duration") == {("gross",): 1}
    assert grown.of("commission.revenue") == {("usd",): 2_000}
    await take_back(bench, commission, 5_000)
    await bench.work()
    assert grown.of("commission.revenue") == {("usd",): 1_000}
    assert grown.of("refunded") == {("usd",): 5_000}
    assert grown.of("clawbacks")[("succeeded",)] == 1
    assert grown.of("settle.duration") == {("gross",): 1}


async def test_failures_are_counted_by_reason(bench: Bench, grown: Grown) -> None:
    await bench.save_card(DECLINED)
    await ask(bench.api)
    await bench.work()
    assert grown.of("charges") == {("usd", "failed", "generic_decline"): 1}
    assert grown.of("commission.revenue") == {}


async def test_a_share_that_waits_is_counted(bench: Bench, grown: Grown) -> None:
    bench.stripe.fail["create_transfer", "before"] = [unknown()]
    await bench.save_card(GOOD)
    await bench.payout_account(active=True)
    await ask(bench.api, GROSS)
    await bench.work()
    assert grown.of("transfers") == {("usd", "unknown"): 1, ("usd", "sent"): 1}


async def test_deliveries_and_their_lag_are_measured(
    door: Door, bench: Bench, grown: Grown
) -> None:
    def event(kind: str) -> dict[str, Any]:
        return {
            "id": f"evt_{kind}",
            "type": kind,
            "livemode": False,
            "created": int(time.time()) - 3,
            "data": {"object": {"id": "pi_1"}},
        }

    await charged(bench, gross=False)
    for _ in range(2):
        await door.deliver(event("payment_intent.succeeded"))
    await door.deliver(event("balance.available"))
    await door.deliver(event("balance.available"), secret="another")
    await bench.work()
    assert grown.of("webhooks.received") == {
        ("stored", "payment_intent.succeeded"): 1,
        ("repeated", "payment_intent.succeeded"): 1,
        ("ignored", "balance.available"): 1,
        ("refused", ""): 1,
    }
    assert grown.of("webhooks.applied") == {("applied", "payment_intent.succeeded"): 1}
    assert grown.of("webhooks.lag") == {("payment_intent.succeeded",): 1}


async def test_what_is_rolled_back_was_not(committed_sessions: Sessions, grown: Grown) -> None:
    with pytest.raises(ValueError, match="no"):
        async with transaction(committed_sessions) as session:
            metrics.when_committed(session, lambda: metrics.refunded.add(7, {"currency": "usd"}))
            raise ValueError("no")
    async with transaction(committed_sessions) as session:
        await session.execute(text("SELECT 1"))
    assert grown.of("refunded") == {}


async def test_what_is_open_is_counted_by_every_worker(
    bench: Bench, reader: InMemoryMetricReader
) -> None:
    await bench.payout_account(active=True)
    async with transaction(bench.sessions, tenant=EVERY_TENANT, role=JANITOR) as session:
        await session.execute(
            text(
                "INSERT INTO breaks (id, reference, currency, cause, ours_minor, theirs_minor,"
                " first_seen_at) SELECT 'brk_' || n, 'po_' || n, 'usd', 'x', 0, 1,"
                " now() - make_interval(hours => n * 30) FROM generate_series(0, 2) n"
            )
        )
        await session.execute(
            text(
                "INSERT INTO cases (id, kind, reference, reason) VALUES ('hum_1', 'dispute', 'x', '')"
            )
        )
    measurer = Measurer(bench.sessions)
    await measurer.measure()
    assert now(reader, "breaks.open") == {("hour",): 1, ("day",): 0, ("week",): 2, ("older",): 0}
    assert now(reader, "cases.open")[("dispute",)] == 1
    assert now(reader, "accounts")[("active",)] == 1
    async with transaction(bench.sessions, role="payments_admin") as session:
        await session.execute(text("UPDATE cases SET closed_at = now()"))
    await measurer.measure()
    assert now(reader, "cases.open")[("dispute",)] == 0
