"""A whole sync over real HTTP: what Amazon's stand-in owes is found, however often it is cut off."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from fakes.amazon_fake import Crash, WatchedAmazon
from sandbox import Sandbox, live_amazon, running
from service import ADA, BEN, Keys, Service, build, settings_of

from integrations_backend.reports.kinds import REQUESTED_REPORTS
from integrations_backend.sync.rules import ORDER
from integrations_backend.sync.start import ADVANCE_SYNC, start_sync
from opside_chassis.clock import utc_now
from opside_chassis.database import Database, transaction
from opside_chassis.outbox import stage
from opside_chassis.pagination import encode_cursor


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running() as started:
        yield started


class Watcher:
    """Looks at every call to Amazon; `dies_at` names the calls at which the process is killed."""

    def __init__(self) -> None:
        self.seen: Counter[tuple[str, str]] = Counter()
        self.dies_at: dict[tuple[str, str], int] = {}
        self.killed: list[tuple[str, str]] = []

    async def __call__(self, operation: str, where: str) -> None:
        self.seen[operation, where] += 1
        if self.dies_at.get((operation, where)) == self.seen[operation, where]:
            self.killed.append((operation, where))
            raise Crash


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def now() -> datetime:
    """The moment at which the service's clock stands: no day ends between a sync and a test's look at it."""
    return utc_now()


@pytest_asyncio.fixture(loop_scope="session")
async def live(
    committed_database: Database, tmp_path: Path, sandbox: Sandbox, watcher: Watcher, now: datetime
) -> AsyncIterator[Service]:
    """The service with the real client, pointed at the sandbox."""
    settings = settings_of(Keys(), tmp_path, **sandbox.settings)
    async with live_amazon(settings) as amazon:
        yield build(
            committed_database,
            tmp_path / "archive",
            amazon=WatchedAmazon(amazon, watcher),
            clock=lambda: now,
            **sandbox.settings,
        )


async def sync(service: Service, sandbox: Sandbox, persona: str) -> None:
    assert await sandbox.consent(service, ADA, persona) == "ok"
    await service.work(rounds=60)
    (row,) = await service.rows("SELECT status, audit FROM sync_jobs")
    assert row["status"] == "done", row["audit"]


async def found(service: Service) -> list[tuple[Any, ...]]:
    """What a sync leaves behind, without ids and times."""
    rows = await service.rows(
        "SELECT c.claim_key, c.quantity, c.value_minor, c.deadline, k.case_status,"
        " k.normalized_data, (SELECT count(*) FROM case_recoveries) AS recoveries,"
        " (SELECT sum(amount_minor) FROM case_recoveries) AS recovered,"
        " (SELECT count(*) FROM detected_losses) AS losses"
        " FROM amazon_claims c JOIN refund_engine_cases k ON k.claim_id = c.id ORDER BY 1"
    )
    return [tuple(str(value) for value in row.values()) for row in rows]


def units(rows: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    counted: Counter[tuple[str, str]] = Counter()
    for row in rows:
        counted[row["claim_type"], row["order_id"] or row["fnsku"]] += row["quantity"]
    return counted


def worths(rows: list[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
    """Claim type, item and value of each, to the minor unit; None where only a document can tell it."""
    return Counter((one["claim_type"], one["fnsku"], one["value_minor"]) for one in rows)


CURRENCIES = dict.fromkeys(("ada", "ben", "dora"), "usd") | {
    "cleo": "gbp",
    "dieter": "eur",
    "yuki": "jpy",
    "chloe": "cad",
}


@pytest.mark.parametrize("persona", CURRENCIES)
async def test_exactly_what_amazon_owes_is_found(
    live: Service, sandbox: Sandbox, persona: str
) -> None:
    """Every account writes its files in its own way: see the accounts in the sandbox's README."""
    currency = CURRENCIES[persona]
    await sync(live, sandbox, persona)
    truth = sandbox.ask(f"amazon/truth/{persona}")["claimable"]
    claims = await live.rows("SELECT * FROM amazon_claims")
    assert units(claims) == units(truth)
    assert {one["currency"] for one in claims} <= {currency}
    assert bool(claims) == (persona != "dora")
    assert worths(claims) == worths(truth)
    assert await live.rows("SELECT * FROM rejected_report_rows") == []


async def test_a_payment_below_the_sellers_own_cost_is_found_once_the_cost_is_known(
    live: Service, sandbox: Sandbox, now: datetime
) -> None:
    await sync(live, sandbox, "ada")
    below = "SELECT reference_id, value_minor FROM amazon_claims WHERE claim_type = 'underpaid'"
    assert await live.rows(below) == []
    costs = sandbox.ask("amazon/costs/ada")
    async with live.as_user(ADA) as browser:
        assert (await browser.put("/api/costs", json=costs)).status_code == 200
    await start_sync(live.sessions, user_id=ADA, reason="test", clock=live.runtime.clock)
    await live.work(rounds=60)
    cost = {one["sku"]: one["unitCostCents"] for one in costs}
    paid = sandbox.ask("amazon/reimbursements/ada")
    taken_back = {one["original_reimbursement_id"] for one in paid}
    oldest = (now - timedelta(days=60)).date().isoformat()
    due = {
        one["reimbursement_id"]: cost[one["sku"]] * one["cash"] - one["amount_total_minor"]
        for one in paid
        if one["approved_at"][:10] >= oldest
        and one["reason"] not in {"CustomerReturn", "Reimbursement_Reversal"}
        and one["reimbursement_id"] not in taken_back
        and one["cash"]
    }
    found = {row["reference_id"]: row["value_minor"] for row in await live.rows(below)}
    assert found == {name: short for name, short in due.items() if short > 0}
    assert found


async def test_every_report_is_accounted_for(live: Service, sandbox: Sandbox) -> None:
    await sync(live, sandbox, "ben")
    states = await live.rows("SELECT report_key, state, rows FROM sync_reports")
    assert {one["state"] for one in states} <= {"read", "no_data"}
    (row,) = await live.rows("SELECT audit FROM sync_jobs")
    coverage = next(one for one in row["audit"]["entries"] if "coverage" in one)["coverage"]
    assert len(coverage) == len(states) - 1


async def test_losses_that_are_no_claims_say_why_and_every_unit_has_its_place(
    live: Service, sandbox: Sandbox
) -> None:
    await sync(live, sandbox, "ben")
    async with live.as_user(ADA) as browser:
        first = (await browser.get("/api/amazon/losses", params={"limit": "10"})).json()
        more = {"limit": "100", "cursor": first["nextCursor"]}
        rest = (await browser.get("/api/amazon/losses", params=more)).json()
        units = (await browser.get("/api/amazon/unit-ledger", params={"limit": "100"})).json()
        strange = encode_cursor("not a place")
        refused = await browser.get("/api/amazon/losses", params={"cursor": strange})
        assert refused.status_code == 400
    async with live.as_user(BEN) as stranger:
        assert (await stranger.get("/api/amazon/losses")).json()["items"] == []
    told = [*first["items"], *rest["items"]]
    losses = await live.rows("SELECT count(*) AS losses FROM detected_losses")
    assert [{"losses": len(told)}] == losses
    assert {"found", "paid", "returned", "reconciled", "window_expired", "still_waiting"} <= {
        one["reason"] for one in told
    }
    assert all(one["because"] != one["reason"] and one["explanation"] for one in told)
    for item in units["items"]:
        assert (item["even"], item["uneven"]) == (True, [])
        # The oldest delivery may lie before the window of the report: then it is the opening balance.
        assert item["opening"] + item["booked"] == item["inStock"] > 0


async def test_a_report_that_amazon_cannot_write_is_said_and_the_rest_is_read(
    live: Service, sandbox: Sandbox
) -> None:
    sandbox.ask("amazon/reports/fatal", persona="ben", reportType="GET_LEDGER_DETAIL_VIEW_DATA")
    await sync(live, sandbox, "ben")
    rows = await live.rows("SELECT report_key, note FROM sync_reports WHERE state = 'failed'")
    assert rows == [
        {"report_key": "GET_LEDGER_DETAIL_VIEW_DATA", "note": "Amazon could not write it"}
    ]
    claims = {one["claim_type"] for one in await live.rows("SELECT claim_type FROM amazon_claims")}
    assert claims == {"customer_return"}, "what needs the ledger is not claimed without it"


async def test_a_revoked_grant_shows_reconnect(live: Service, sandbox: Sandbox) -> None:
    await sync(live, sandbox, "dora")
    sandbox.ask("amazon/revoke", persona="dora")
    await start_sync(live.sessions, user_id=ADA, reason="test", clock=live.runtime.clock)
    await live.work()
    (row,) = await live.rows("SELECT status FROM connections")
    assert row["status"] == "reconnect"


CALLS = [
    (operation, where, number)
    for operation, numbers in {
        "finished_reports": [1],
        "create_report": [1, 4],
        "report": [1],
        "download": [1, 5],
    }.items()
    for where in ("before", "after")
    for number in numbers
]


@pytest.mark.parametrize(("operation", "where", "number"), CALLS)
async def test_a_sync_that_was_killed_goes_on_to_the_same_rows(
    live: Service, sandbox: Sandbox, watcher: Watcher, operation: str, where: str, number: int
) -> None:
    watcher.dies_at[operation, where] = number
    await sync(live, sandbox, "ben")
    assert watcher.killed == [(operation, where)]
    truth = sandbox.ask("amazon/truth/ben")["claimable"]
    assert units(await live.rows("SELECT * FROM amazon_claims")) == units(truth)
    claims, cases = await live.rows(
        "SELECT count(*) AS n FROM amazon_claims UNION ALL SELECT count(*) FROM refund_engine_cases"
    )
    assert claims == cases
    # What Amazon had taken is found there again; nothing is asked for twice.
    died_asking = (operation, where) == ("create_report", "before")
    assert watcher.seen["create_report", "before"] == len(REQUESTED_REPORTS) + died_asking


async def test_a_step_that_is_run_again_changes_nothing(live: Service, sandbox: Sandbox) -> None:
    """The worker died after a step's work and before its end was stored."""
    await sync(live, sandbox, "ben")
    before = await found(live)
    (row,) = await live.rows("SELECT id FROM sync_jobs")
    for step in ORDER[:-1]:
        await live.execute(
            "UPDATE sync_jobs SET status = 'running', step = :step, finished_at = NULL",
            step=step.value,
        )
        async with transaction(live.sessions, tenant=ADA) as session:
            payload = {"syncId": row["id"], "step": step.value}
            await stage(session, ADVANCE_SYNC, payload, tenant=ADA)
        await live.work()
        assert await found(live) == before, step
        assert await live.rows("SELECT status FROM sync_jobs") == [{"status": "done"}], step


async def test_a_report_id_is_stored_before_it_is_asked_for(
    committed_database: Database, tmp_path: Path, sandbox: Sandbox
) -> None:
    unknown: list[str] = []

    async def look(operation: str, where: str) -> None:
        if (operation, where) != ("report", "before"):
            return
        stored = await service.rows("SELECT report_id FROM sync_reports WHERE state = 'requested'")
        if not stored or any(one["report_id"] is None for one in stored):
            unknown.append(operation)

    settings = settings_of(Keys(), tmp_path, **sandbox.settings)
    async with live_amazon(settings) as amazon:
        service = build(
            committed_database,
            tmp_path / "archive",
            amazon=WatchedAmazon(amazon, look),
            clock=utc_now,
            **sandbox.settings,
        )
        await sync(service, sandbox, "dora")
    assert unknown == []
