"""Asking Amazon for reports: once, for what is new, and what is there already is used."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from factories.report_rows import file_text, refund, row, sale
from fakes.amazon_fake import FakeAmazon
from sandbox import live_amazon, running
from service import ADA, Keys, Service, build, settings_of

from integrations_backend.amazon_api.errors import AmazonUnavailable
from integrations_backend.reports.kinds import (
    INVENTORY,
    LEDGER,
    LEDGER_HISTORY_DAYS,
    LEDGER_SUMMARY,
    REQUESTED_REPORTS,
    RETURNS,
    SETTLEMENT,
    window_days,
)
from integrations_backend.sync.ask import READ_AGAIN
from integrations_backend.sync.start import start_sync
from opside_chassis.clock import utc_now
from opside_chassis.database import Database
from opside_chassis.jobs import drain


async def resync(service: Service) -> None:
    await start_sync(service.sessions, user_id=ADA, reason="test", clock=service.runtime.clock)
    await service.work()


async def newest(service: Service, kind: str) -> dict[str, Any]:
    rows = await service.rows(
        "SELECT r.*, j.started_at FROM sync_reports r JOIN sync_jobs j ON j.id = r.sync_id"
        " WHERE r.report_type = :kind ORDER BY r.sync_id DESC LIMIT 1",
        kind=kind,
    )
    return rows[0]


@pytest.fixture
def files(amazon: FakeAmazon) -> FakeAmazon:
    amazon.documents = {
        LEDGER: file_text(LEDGER, [row(LEDGER)]).encode(),
        SETTLEMENT: file_text(SETTLEMENT, [*sale(), refund()]).encode(),
    }
    return amazon


async def test_the_first_sync_asks_for_18_months_and_the_next_for_what_may_have_changed(
    service: Service, files: FakeAmazon
) -> None:
    await service.connect(ADA)
    await service.execute("UPDATE connections SET updated_at = '2000-01-01'")
    await service.work()
    (first,) = await service.rows("SELECT started_at FROM sync_jobs")
    whole = timedelta(days=window_days(LEDGER))
    assert files.starts[LEDGER] == first["started_at"] - whole
    await resync(service)
    assert files.starts[LEDGER] == first["started_at"] - READ_AGAIN
    # A new consent may be for another account: everything is read again.
    await service.execute("UPDATE connections SET updated_at = now() + interval '9000 days'")
    await resync(service)
    assert files.starts[LEDGER] == (await newest(service, LEDGER))["started_at"] - whole


async def test_a_report_by_month_is_asked_for_from_the_first_of_one(
    service: Service, files: FakeAmazon
) -> None:
    """A part of a month would take the place of the whole one that was read before."""
    await service.connect(ADA)
    await service.execute("UPDATE connections SET updated_at = '2000-01-01'")
    await service.work()
    first = (await newest(service, LEDGER))["started_at"]
    asked = files.starts[LEDGER_SUMMARY]
    oldest = first - timedelta(days=LEDGER_HISTORY_DAYS)
    assert oldest <= asked < oldest + timedelta(days=32)
    await resync(service)
    again = files.starts[LEDGER_SUMMARY]
    assert first - READ_AGAIN - timedelta(days=31) < again <= first - READ_AGAIN
    for start in (asked, again):
        assert (start.day, start.hour, start.minute, start.second) == (1, 0, 0, 0)


async def test_a_report_that_was_asked_for_when_the_worker_died_is_found_again(
    service: Service, files: FakeAmazon
) -> None:
    files.fail["created_report"] = [AmazonUnavailable("the answer was lost")]
    await service.connect(ADA)
    await service.work()
    assert files.calls.count("create_report") == len(REQUESTED_REPORTS)
    assert files.calls.count("asked_reports") == 1
    reports = await service.rows(
        "SELECT DISTINCT report_id FROM sync_reports WHERE report_id <> ''"
    )
    assert len(reports) == len(REQUESTED_REPORTS) + 1


async def test_what_a_cancelled_sync_asked_for_is_taken_over(
    service: Service, files: FakeAmazon
) -> None:
    files.unfinished = {LEDGER}
    await service.connect(ADA)
    await service.work(rounds=2)
    before = await newest(service, LEDGER)
    async with service.as_user(ADA) as browser:
        (running_sync,) = (await browser.get("/api/sync/history")).json()["items"]
        await browser.delete(f"/api/sync/cancel/{running_sync['syncId']}")
    files.unfinished = set()
    await resync(service)
    after = await newest(service, LEDGER)
    assert (after["report_id"], after["state"]) == (before["report_id"], "read")
    assert after["sync_id"] != before["sync_id"]


async def test_one_of_long_ago_is_not(service: Service, files: FakeAmazon) -> None:
    files.unfinished = {LEDGER}
    await service.connect(ADA)
    await service.work(rounds=2)
    before = await newest(service, LEDGER)
    await service.execute(
        "UPDATE sync_jobs SET status = 'cancelled', started_at = started_at - interval '2 hours'"
    )
    files.unfinished = set()
    await resync(service)
    assert (await newest(service, LEDGER))["report_id"] != before["report_id"]


@pytest.mark.parametrize("answer", ["CANCELLED", "FATAL"])
@pytest.mark.parametrize(("kind", "hours", "stands"), [(LEDGER, 1, True), (LEDGER, 5, False)])
async def test_asked_too_soon_what_was_read_a_short_while_ago_stands(
    service: Service, files: FakeAmazon, answer: str, kind: str, hours: int, stands: bool
) -> None:
    await service.connect(ADA)
    await service.work()
    assert (await newest(service, kind))["state"] == "read"
    await service.execute(
        "UPDATE sync_jobs SET started_at = started_at - make_interval(hours => :h)", h=hours
    )
    del files.documents[kind]
    files.fatal = {kind} if answer == "FATAL" else set()
    await resync(service)
    now = await newest(service, kind)
    ended = "no_data" if answer == "CANCELLED" else "failed"
    assert now["state"] == ("read" if stands else ended)
    assert ("as read at" in now["note"]) is stands


async def test_nothing_at_all_and_a_failure_are_told_apart(
    service: Service, files: FakeAmazon
) -> None:
    files.fatal = {RETURNS}
    await service.connect(ADA)
    await service.work()
    assert (await newest(service, RETURNS))["state"] == "failed"
    nothing = await newest(service, INVENTORY)
    assert (nothing["state"], nothing["note"]) == ("no_data", "nothing qualifies")


async def test_a_settlement_is_downloaded_once_for_ever(
    service: Service, files: FakeAmazon
) -> None:
    await service.connect(ADA)
    await service.work()
    downloads = files.calls.count("download")
    first = await newest(service, SETTLEMENT)
    for _ in range(2):
        await resync(service)
    assert files.calls.count("download") == downloads + 2, "the ledger alone"
    last = await newest(service, SETTLEMENT)
    assert (last["state"], last["rows"]) == ("read", first["rows"])
    assert first["rows"] > 0


async def test_a_failed_step_is_tried_again_from_where_it_failed(
    service: Service, files: FakeAmazon
) -> None:
    files.fail["download"] = [AmazonUnavailable("cut off")]
    await service.connect(ADA)
    await drain(service.workshop)
    await service.work()
    (sync,) = await service.rows("SELECT status FROM sync_jobs")
    assert sync["status"] == "done"
    assert files.calls.count("create_report") == len(REQUESTED_REPORTS)
    assert files.calls.count("finished_reports") == 1


async def test_an_address_that_has_ended_is_asked_for_again(
    committed_database: Database, tmp_path: Path
) -> None:
    with running() as sandbox:
        settings = settings_of(Keys(), tmp_path, **sandbox.settings)
        async with live_amazon(settings) as amazon:
            service = build(
                committed_database,
                tmp_path / "archive",
                amazon=amazon,
                clock=utc_now,
                **sandbox.settings,
            )
            assert await sandbox.consent(service, ADA, "dora") == "ok"
            sandbox.ask("amazon/faults", operation="downloadDocument", kind="expired_link")
            await service.work(rounds=60)
            calls = sandbox.ask("amazon/faults")["calls"]
    (sync,) = await service.rows("SELECT status FROM sync_jobs")
    assert sync["status"] == "done"
    states = await service.rows("SELECT DISTINCT state FROM sync_reports")
    assert {one["state"] for one in states} <= {"read", "no_data"}
    read = await service.rows("SELECT 1 FROM report_documents")
    assert calls["getReportDocument"] == len(read) + 1
    assert calls["downloadDocument"] == len(read) + 1
