"""Starting, watching and cancelling syncs; old jobs change nothing."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from factories.report_rows import file_text, refund, row, sale
from fakes.amazon_fake import FakeAmazon
from service import ADA, Service

from integrations_backend.reports.kinds import (
    LEDGER,
    REIMBURSEMENTS,
    REQUESTED_REPORTS,
    RETURNS,
    SETTLEMENT,
)
from integrations_backend.sync.fetch import NEVER_READY
from integrations_backend.sync.rules import (
    ORDER,
    PERCENT,
    STAGE,
    Step,
    following,
    percent,
    poll_pause,
)
from integrations_backend.sync.start import ADVANCE_SYNC
from opside_chassis.database import transaction
from opside_chassis.jobs import drain
from opside_chassis.outbox import stage


async def start(service: Service) -> Any:
    async with service.as_user(ADA) as browser:
        return await browser.post("/api/sync/start")


async def started(service: Service) -> str:
    answer = await start(service)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["syncId"])


async def shown(service: Service, sync_id: str) -> dict[str, Any]:
    async with service.as_user(ADA) as browser:
        answers = [
            (await browser.get(f"{prefix}/sync/status/{sync_id}")).json()
            for prefix in ("/api", "/api/v1")
        ]
    assert answers[0] == answers[1]
    assert answers[0]["success"] is True
    return dict(answers[0]["data"])


@pytest.fixture
def files(amazon: FakeAmazon) -> FakeAmazon:
    """One lost unit, one refund without a return."""
    amazon.documents = {
        LEDGER: file_text(LEDGER, [row(LEDGER)]).encode(),
        REIMBURSEMENTS: file_text(REIMBURSEMENTS, []).encode(),
        RETURNS: file_text(RETURNS, []).encode(),
        SETTLEMENT: file_text(SETTLEMENT, [*sale(), refund()]).encode(),
    }
    return amazon


def test_the_words_and_percents_of_the_source_document() -> None:
    assert [STAGE[one] for one in ORDER][:3] == [
        "Fetching Amazon data",
        "Normalizing Amazon data",
        "Creating case files",
    ]
    assert [PERCENT[one] for one in ORDER] == sorted(PERCENT.values())
    assert following(Step.FINALIZE) is Step.FINISHED
    shares = [percent(Step.FETCH, reports=9, settled=settled) for settled in range(10)]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (5, 50)


async def test_nobody_syncs_without_a_connection(service: Service) -> None:
    answer = await start(service)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_connected")


async def test_a_sync_goes_to_its_end_and_says_what_it_found(
    service: Service, files: FakeAmazon
) -> None:
    await service.connect(ADA)
    sync_id = await started(service)
    await service.work()
    status = await shown(service, sync_id)
    assert (status["status"], status["stage"], status["percent"]) == ("done", "Finished", 100)
    assert (status["totalCases"], status["processedCases"]) == (2, 2)
    coverage = next(one["coverage"] for one in status["audit"] if "coverage" in one)
    assert {kind: one["state"] for kind, one in coverage.items() if one["state"] == "read"} == {
        **dict.fromkeys((LEDGER, REIMBURSEMENTS, RETURNS, f"{SETTLEMENT}:{SETTLEMENT}:0"), "read")
    }
    async with service.as_user(ADA) as browser:
        numbers = (await browser.get("/api/sync/statistics")).json()
    assert numbers["syncs"] == {"done": 1}
    assert numbers["lastFinishedAt"]


async def test_while_one_runs_its_id_is_answered(service: Service) -> None:
    await service.connect(ADA)
    answers = await asyncio.gather(*(started(service) for _ in range(8)))
    assert len(set(answers)) == 1
    jobs = await service.rows("SELECT 1 FROM outbox WHERE kind = :kind", kind=ADVANCE_SYNC)
    assert len(jobs) == 1


async def test_a_cancelled_sync_stops(service: Service, files: FakeAmazon) -> None:
    await service.connect(ADA)
    sync_id = await started(service)
    await drain(service.workshop)
    async with service.as_user(ADA) as browser:
        assert (await browser.delete(f"/api/sync/cancel/{sync_id}")).status_code == 204
        assert (await browser.delete(f"/api/sync/cancel/{sync_id}")).status_code == 204
    calls = len(files.calls)
    await service.work()
    assert len(files.calls) == calls
    status = await shown(service, sync_id)
    assert status["status"] == "cancelled"
    assert [one["step"] for one in status["audit"]].count("cancelled") == 1
    assert await service.rows("SELECT 1 FROM amazon_claims") == []
    assert await started(service) != sync_id


async def test_a_finished_sync_stays_finished(service: Service) -> None:
    await service.connect(ADA)
    sync_id = await started(service)
    await service.work()
    async with service.as_user(ADA) as browser:
        assert (await browser.delete(f"/api/sync/cancel/{sync_id}")).status_code == 204
    assert (await shown(service, sync_id))["status"] == "done"


async def test_a_job_of_an_earlier_step_changes_nothing(
    service: Service, files: FakeAmazon
) -> None:
    await service.connect(ADA)
    sync_id = await started(service)
    await service.work()
    before = await shown(service, sync_id)
    calls = len(files.calls)
    async with transaction(service.sessions, tenant=ADA) as session:
        for step in (Step.FETCH, Step.CASES):
            await stage(session, ADVANCE_SYNC, {"syncId": sync_id, "step": step}, tenant=ADA)
        await stage(session, ADVANCE_SYNC, {"syncId": "syn_0", "step": "fetch"}, tenant=ADA)
    await service.work()
    assert await shown(service, sync_id) == before
    assert len(files.calls) == calls


async def test_the_next_sync_asks_anew_and_finds_the_same(
    service: Service, files: FakeAmazon
) -> None:
    await service.connect(ADA)
    await service.work()
    before = await service.rows("SELECT * FROM amazon_claims ORDER BY id")
    await started(service)
    await service.work()
    assert await service.rows("SELECT * FROM amazon_claims ORDER BY id") == before
    assert files.calls.count("create_report") == 2 * len(REQUESTED_REPORTS)
    read = await service.rows("SELECT 1 FROM report_documents WHERE report_type = :t", t=SETTLEMENT)
    assert len(read) == 1, "a document that was read is not read again"


async def test_an_unreadable_report_is_said_and_the_rest_is_read(
    service: Service, files: FakeAmazon
) -> None:
    files.documents[RETURNS] = b"\x00\x01 nonsense"
    await service.connect(ADA)
    await service.work()
    (failed,) = await service.rows("SELECT * FROM sync_reports WHERE state = 'failed'")
    assert failed["report_type"] == RETURNS
    assert "NUL bytes" in failed["note"]
    (claim,) = await service.rows("SELECT claim_type FROM amazon_claims")
    assert claim["claim_type"] == "warehouse_lost", "without returns no refund is judged"


async def test_history_is_the_newest_first(service: Service) -> None:
    await service.connect(ADA)
    ids = []
    for _ in range(3):
        ids.append(await started(service))
        await service.work()
    async with service.as_user(ADA) as browser:
        page = (await browser.get("/api/sync/history", params={"limit": "2"})).json()
        cursor = page["nextCursor"]
        rest = (await browser.get("/api/sync/history", params={"cursor": cursor})).json()
    listed = [one["syncId"] for one in (*page["items"], *rest["items"])]
    assert listed[: len(ids)] == ids[::-1]
    assert len(listed) == len(set(listed))


async def test_a_running_sync_hears_only_the_job_of_its_step(
    service: Service, files: FakeAmazon
) -> None:
    await service.connect(ADA)
    sync_id = await started(service)
    await service.work()
    await service.execute("UPDATE sync_jobs SET status = 'running', step = 'costs'")
    calls = len(files.calls)
    async with transaction(service.sessions, tenant=ADA) as session:
        await stage(session, ADVANCE_SYNC, {"syncId": sync_id, "step": "fetch"}, tenant=ADA)
    await service.work()
    assert len(files.calls) == calls
    assert (await shown(service, sync_id))["stage"] == STAGE[Step.COSTS]


@pytest.mark.parametrize(
    ("waited", "asked", "pause"),
    [(0, 9, 0.5), (5, 9, 9), (5, 1, 1), (60, 1, 6), (3600, 9, 360), (72_000, 9, 600)],
)
def test_the_longer_a_report_takes_the_more_rarely_it_is_asked_for(
    waited: int, asked: int, pause: float
) -> None:
    assert poll_pause(timedelta(seconds=waited), asked=asked) == pause


async def test_a_report_that_is_never_ready_fails_after_a_day_and_the_sync_goes_on(
    service: Service, files: FakeAmazon
) -> None:
    files.unfinished = {RETURNS}
    await service.connect(ADA)
    await service.work(rounds=3)
    blocked = await started(service)
    await service.execute(
        "UPDATE sync_jobs SET started_at = :then",
        then=service.runtime.clock() - timedelta(hours=25),
    )
    await service.work()
    (sync,) = await service.rows("SELECT id, status, audit FROM sync_jobs")
    assert (sync["id"], sync["status"]) == (blocked, "done")
    coverage = next(one["coverage"] for one in sync["audit"]["entries"] if "coverage" in one)
    assert (coverage[RETURNS]["state"], coverage[RETURNS]["note"]) == ("failed", NEVER_READY)
    assert coverage[LEDGER]["state"] == "read"
    assert await started(service) != blocked
