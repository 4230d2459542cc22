"""What was looked at and what not: every source has an answer, and "not looked" never reads as "clean"."""

from datetime import timedelta
from typing import Any

import pytest
from factories.report_rows import file_text, row
from fakes.amazon_fake import FakeAmazon
from service import ADA, BEN, Service

from integrations_backend.amazon_api.errors import AccessDenied, Throttled
from integrations_backend.reports.kinds import (
    LEDGER,
    LISTED_REPORTS,
    REIMBURSEMENTS,
    REQUESTED_REPORTS,
    RETURNS,
    SETTLEMENT,
)
from integrations_backend.sync.fetch import HELD_BACK
from integrations_backend.sync.start import start_sync

ALL = {*REQUESTED_REPORTS, *LISTED_REPORTS}


async def covered(service: Service, user_id: str = ADA) -> dict[str, Any]:
    async with service.as_user(user_id) as browser:
        answers = [
            (await browser.get(f"{prefix}/sync/coverage")).json() for prefix in ("/api", "/api/v1")
        ]
        assert answers[0] == answers[1]
        if answers[0]["syncId"]:
            status = (await browser.get(f"/api/sync/status/{answers[0]['syncId']}")).json()
            assert status["data"]["coverage"] == answers[0]["sources"]
    return {one["source"]: one for one in answers[0]["sources"]}


async def resync(service: Service) -> None:
    await start_sync(service.sessions, user_id=ADA, reason="test", clock=service.runtime.clock)


@pytest.fixture
def files(amazon: FakeAmazon) -> FakeAmazon:
    amazon.documents = {
        LEDGER: file_text(LEDGER, [row(LEDGER)]).encode(),
        RETURNS: file_text(RETURNS, []).encode(),
    }
    return amazon


async def test_who_never_synced_is_told_that_nobody_looked(service: Service) -> None:
    found = await covered(service, BEN)
    assert set(found) == ALL
    assert {(one["state"], one["lastSuccessAt"]) for one in found.values()} == {("pending", None)}


async def test_each_source_says_what_it_gave(service: Service, files: FakeAmazon) -> None:
    await service.connect(ADA)
    await service.work()
    found = await covered(service)
    assert set(found) == ALL
    assert (found[LEDGER]["state"], found[LEDGER]["rows"]) == ("data", 1)
    assert found[RETURNS]["state"] == "nothing_qualifying", "a file without rows"
    assert found[REIMBURSEMENTS]["state"] == "nothing_qualifying", "CANCELLED"
    assert found[SETTLEMENT]["state"] == "nothing_qualifying", "the list is empty"
    assert all(one["lastSuccessAt"] and one["reason"] is not None for one in found.values())


async def test_while_amazon_writes_a_source_is_pending_and_keeps_its_last_success(
    service: Service, files: FakeAmazon
) -> None:
    await service.connect(ADA)
    await resync(service)
    await service.work()
    before = (await covered(service))[LEDGER]["lastSuccessAt"]
    files.unfinished = {LEDGER}
    await resync(service)
    await service.work(rounds=2)
    ledger = (await covered(service))[LEDGER]
    assert (ledger["state"], ledger["lastSuccessAt"]) == ("pending", before)


async def test_a_cancelled_sync_is_not_taken_for_a_look(
    service: Service, files: FakeAmazon
) -> None:
    files.unfinished = {LEDGER}
    await service.connect(ADA)
    await resync(service)
    async with service.as_user(ADA) as browser:
        sync_id = (await browser.get("/api/sync/history")).json()["items"][0]["syncId"]
        await browser.delete(f"/api/sync/cancel/{sync_id}")
    found = await covered(service)
    assert {one["state"] for one in found.values()} == {"failed"}
    assert {one["lastSuccessAt"] for one in found.values()} == {None}


async def test_denied_failed_and_partial_say_why(service: Service, files: FakeAmazon) -> None:
    files.documents[RETURNS] = b"\x00\x01 nonsense"
    files.documents[LEDGER] = file_text(LEDGER, [row(LEDGER), row(LEDGER, date="?")]).encode()
    files.fail["finished_reports"] = [AccessDenied("x"), AccessDenied("x")]
    await service.connect(ADA)
    await service.work()
    found = await covered(service)
    assert found[SETTLEMENT]["state"] == "denied"
    assert found[SETTLEMENT]["lastSuccessAt"] is None, "an empty list was never given"
    assert (found[RETURNS]["state"], found[RETURNS]["lastSuccessAt"]) == ("failed", None)
    assert "NUL" in found[RETURNS]["reason"]
    assert (found[LEDGER]["state"], found[LEDGER]["rejected"]) == ("partial", 1)
    assert found[LEDGER]["reason"] == "rows that could not be read: 1"


async def test_a_plan_that_stays_used_up_for_a_day_ends_the_report_and_says_so(
    service: Service, files: FakeAmazon
) -> None:
    files.fail["create_report"] = [Throttled("createReport", 60.0) for _ in range(200)]
    await service.connect(ADA)
    await resync(service)
    await service.work(rounds=2)
    assert {one["state"] for key, one in (await covered(service)).items() if key != SETTLEMENT} == {
        "pending"
    }
    await service.execute(
        "UPDATE sync_jobs SET started_at = :then",
        then=service.runtime.clock() - timedelta(hours=25),
    )
    await service.work()
    (sync,) = await service.rows("SELECT status FROM sync_jobs")
    assert sync["status"] == "done", "and not for ever"
    found = await covered(service)
    assert {(found[key]["state"], found[key]["reason"]) for key in REQUESTED_REPORTS} == {
        ("failed", HELD_BACK)
    }
    assert found[SETTLEMENT]["state"] == "nothing_qualifying"


async def test_neighbours_see_nothing_of_it(service: Service, files: FakeAmazon) -> None:
    await service.connect(ADA)
    await service.work()
    assert {one["state"] for one in (await covered(service, BEN)).values()} == {"pending"}
