"""Commissions from accepted to settled, with two workers: real services against the Stripe sandbox.

Each is of collection mode `gross`, the longest life there is: intent, charge, our fee and the seller's
share, the processor's fee, all webhooks fetched and applied, main-api told. The clock runs from the first
request until no job is left.

The floor: a bare script in two processes makes the same calls to the same sandbox, says as many statements
in as many transactions, each changing one row by its key, and a bare ASGI app stores the same webhooks.
What it leaves out is ours: states, locks, leases, journals, the audit trail, Redis, HTTP between our
services. The sandbox is a Python program on the same two cores and takes a good part of both sides' time,
so the ratio says less than the statements do.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import asyncpg

from opside_local import environment
from opside_local.bench import charge_requests, http_load, intake_floor, settle_floor
from opside_local.bench.figures import Figures
from opside_local.bench.payments import PaymentsPlace, payments_place
from opside_local.bench.statements import LIBRARY, Said, Statements
from opside_local.bench.stripe_sandbox import Seller, calls, make_sellers, start_sandbox
from opside_local.folders import PROJECT
from opside_local.ports import HOST
from opside_local.secrets import MAIN_API, PAYMENTS, SCHEMAS

UNIT = "commissions/s"
COUNT = 1_000
SELLERS = 10
WORKERS = 2
WARM_UP = 10
"""Commissions before the counted ones, while the workers do what they do once after their start."""
MOST_STATEMENTS = 180
"""A commission, its webhooks and events and the relays' and schedules' own among them, which weigh the
more the fewer commissions share them; more is a mistake."""
PATIENCE_SECONDS = 300.0
POLL_SECONDS = 0.1

_TIMES = """
    SELECT extract(epoch FROM settled.at - made.created_at)::float8 AS took
      FROM payments.commissions made
      JOIN payments.transaction_audit settled ON settled.object_id = made.id
     WHERE settled.to_state = 'settled' AND settled.from_state <> 'settled'
       AND made.created_at >= $1 ORDER BY took
"""
_UNFINISHED = """
    SELECT (SELECT count(*) FROM payments.commissions WHERE state <> 'settled')
         + (SELECT count(*) FROM payments.outbox WHERE status IN ('waiting', 'leased')
             AND coalesce(dedupe_key, '') NOT LIKE 'schedule:%'
             AND due_at < now() + interval '1 minute')
"""


class NotSettled(Exception):
    """Commissions did not come to rest, or cost more than they may."""


class Cycle(NamedTuple):
    """What one run of ours was like."""

    per_second: float
    median_seconds: float
    p95_seconds: float
    statements: float
    """A commission."""
    transactions: float
    """A commission."""
    calls: float
    """To Stripe, a commission."""
    said: Sequence[Said]


async def measure(count: int = COUNT) -> Figures:
    """Raises `NotSettled` when a commission does not come to rest, or takes too many statements."""
    async with payments_place(libraries=[LIBRARY], services=(MAIN_API, PAYMENTS)) as payments:
        await start_sandbox(payments)
        sellers = await make_sellers(payments, [f"usr_{number}" for number in range(SELLERS)])
        cycle = await _ours(payments, count)
        if cycle.statements > MOST_STATEMENTS:
            raise NotSettled(f"{cycle.statements:.0f} statements a commission: {cycle.said[:12]}")
        floor, floor_calls = await _floor(payments, sellers, count, cycle)
        notes = (
            f"{count} commissions, {cycle.statements:.1f} SQL statements each (at most"
            f" {MOST_STATEMENTS}) in {cycle.transactions:.1f} transactions,"
            f" {cycle.calls:.1f} calls to Stripe (floor {floor_calls:.1f});"
            f" settled after p50 {cycle.median_seconds:.1f} s, p95 {cycle.p95_seconds:.1f} s"
        )
        return Figures(cycle.per_second, floor, notes)


async def _ours(payments: PaymentsPlace, count: int) -> Cycle:
    await _start_services(payments)
    await _settle(payments, WARM_UP)
    counted = Statements(payments.admin_url)
    calls_before = await calls(payments)
    await counted.begin()
    begin = datetime.now(UTC)
    took_seconds = await _settle(payments, count)
    said = await counted.said(SCHEMAS[PAYMENTS])
    asked = await calls(payments) - calls_before
    times = await _times(payments, since=begin)
    await _stop_services(payments)
    return Cycle(
        per_second=count / took_seconds,
        median_seconds=times[count // 2],
        p95_seconds=times[count * 95 // 100],
        statements=sum(one.calls for one in said) / count,
        transactions=sum(one.calls for one in said if one.query.startswith("COMMIT")) / count,
        calls=asked / count,
        said=said,
    )


async def _settle(payments: PaymentsPlace, count: int) -> float:
    """The seconds from the first request until nothing is left to do."""
    requests = charge_requests.for_us(payments, count, sellers=SELLERS, collection="gross")
    started = time.perf_counter()
    await http_load.send_all(payments.our_ports[:1], requests)
    return await _until_finished(payments, count, started)


async def _start_services(payments: PaymentsPlace) -> None:
    place = payments.place
    for name, module, port in (
        (MAIN_API, "main_api.app", place.ports.main_api),
        (PAYMENTS, "stripe_payments.app", place.ports.payments),
    ):
        ready = f"http://{HOST}:{port}/health/ready"
        await payments.start(name, module, environment.service(place, name), ready=ready)
    for number in range(WORKERS):
        settings = environment.service(place, PAYMENTS)
        await payments.start(f"worker-{number}", "stripe_payments.worker", settings, ready=None)


async def _stop_services(payments: PaymentsPlace) -> None:
    for name in payments.crew.names():
        if name != "sandbox":
            await payments.crew.stop(name)


async def _until_finished(payments: PaymentsPlace, count: int, started: float) -> float:
    connection = await asyncpg.connect(payments.admin_url)
    try:
        while left := await connection.fetchval(_UNFINISHED):
            if time.perf_counter() - started > PATIENCE_SECONDS:
                raise NotSettled(f"{left} of {count} commissions and their jobs are not finished")
            await asyncio.sleep(POLL_SECONDS)
    finally:
        await connection.close()
    return time.perf_counter() - started


async def _times(payments: PaymentsPlace, *, since: datetime) -> list[float]:
    connection = await asyncpg.connect(payments.admin_url)
    try:
        return [row["took"] for row in await connection.fetch(_TIMES, since)]
    finally:
        await connection.close()


async def _floor(
    payments: PaymentsPlace, sellers: Sequence[Seller], count: int, cycle: Cycle
) -> tuple[float, float]:
    """Commissions a second, and calls to Stripe a commission."""
    await _prepare_floor(payments)
    calls_before = await calls(payments)
    share = count // WORKERS
    processes = [
        await _floor_process(payments, sellers, number * share, share, cycle)
        for number in range(WORKERS)
    ]
    started = time.perf_counter()
    await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    took_seconds = time.perf_counter() - started
    if any(process.returncode for process in processes):
        raise NotSettled("a process of the floor failed")
    asked = await calls(payments) - calls_before
    return WORKERS * share / took_seconds, asked / (WORKERS * share)


async def _prepare_floor(payments: PaymentsPlace) -> None:
    connection = await asyncpg.connect(payments.floor_url("owner"))
    await connection.execute(f"{intake_floor.TABLE}; {settle_floor.TABLE}")
    await connection.close()
    # In the place of our door: the sandbox delivers where it did before.
    port = payments.our_ports[0]
    await payments.start(
        "floor-intake",
        intake_floor.__name__,
        {"DATABASE_URL": payments.floor_url(), "SECRET": payments.place.secrets.webhook_secret},
        str(port),
        ready=f"http://{HOST}:{port}/",
    )


async def _floor_process(
    payments: PaymentsPlace, sellers: Sequence[Seller], first: int, count: int, cycle: Cycle
) -> asyncio.subprocess.Process:
    """Ready to begin."""
    place = payments.place
    plan = settle_floor.Plan(
        stripe_url=place.urls.stripe,
        stripe_key=place.secrets.stripe_secret_key,
        first=first,
        count=count,
        sellers=[(one.customer_id, one.card_id, one.account_id) for one in sellers],
        transactions=round(cycle.transactions),
        statements=round(cycle.statements),
        calls=round(cycle.calls),
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", settle_floor.__name__, plan.text()),
        cwd=PROJECT,
        env=environment.machine({"DATABASE_URL": payments.floor_url()}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    if (
        process.stdout is None
        or await process.stdout.readline() != f"{settle_floor.READY}\n".encode()
    ):
        raise NotSettled("a process of the floor did not start")
    return process
