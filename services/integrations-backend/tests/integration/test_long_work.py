"""What takes longer than a job may run goes on; what fails for ever fails alone, and with a reason."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from factories.report_rows import file_text, row
from fakes.amazon_fake import FakeAmazon
from service import ADA, Service

from integrations_backend.amazon_api.errors import AmazonUnavailable
from integrations_backend.archive import Archive
from integrations_backend.human_cases import open_case_for_job
from integrations_backend.reports.ingest import ingest_report
from integrations_backend.reports.kinds import LEDGER, REIMBURSEMENTS, SETTLEMENT
from integrations_backend.reports.received import ReceivedReport
from integrations_backend.sync.advance import LAST_DEATH, Pipeline
from integrations_backend.sync.detect_upload import UploadDetection
from integrations_backend.sync.fetch import Fetcher
from integrations_backend.sync.long_work import LongWork
from integrations_backend.sync.rules import READ_AGAIN_SECONDS
from integrations_backend.sync.start import ADVANCE_SYNC, start_sync
from integrations_backend.user_data.keeper import IntegrationsKeeper, NotErasableYet
from integrations_backend.worker import handlers
from opside_chassis.jobs import Workshop, drain
from opside_chassis.outbox import RetryLater

FILES = {
    kind: file_text(kind, [row(kind)]).encode() for kind in (LEDGER, REIMBURSEMENTS, SETTLEMENT)
}


@pytest.fixture
def files(amazon: FakeAmazon) -> FakeAmazon:
    amazon.documents = dict(FILES)
    return amazon


def impatient(service: Service, work: LongWork) -> Workshop:
    """The service's worker, whose jobs wait for nothing long."""
    runtime = service.runtime
    fetcher = Fetcher(
        service.sessions, runtime.amazon, runtime.tokens, runtime.archive, runtime.clock, work
    )
    pipeline = Pipeline(service.sessions, fetcher, runtime.archive, None)
    jobs = {**handlers(runtime, service.hints), ADVANCE_SYNC: pipeline.advance}
    return Workshop(service.sessions, jobs, open_case_for_job)


async def states(service: Service) -> dict[str, str]:
    rows = await service.rows(
        "SELECT report_type, state FROM sync_reports WHERE report_key <> 'listed'"
    )
    return {one["report_type"]: one["state"] for one in rows}


async def test_a_document_that_takes_longer_than_a_job_is_read_once_and_holds_up_no_other(
    service: Service, files: FakeAmazon
) -> None:
    here = files.slow[LEDGER] = asyncio.Event()
    worker = impatient(service, LongWork(patience_seconds=0.3))
    await service.connect(ADA)
    for _ in range(6):
        await drain(worker, ignore_due=True)
    found = await states(service)
    assert (found[LEDGER], found[REIMBURSEMENTS], found[SETTLEMENT]) == ("ready", "read", "read")
    (job,) = await service.rows(
        "SELECT failures, status FROM outbox WHERE kind = 'advance_sync' AND status <> 'done'"
    )
    assert (job["failures"], job["status"]) == (0, "waiting")
    here.set()
    for _ in range(12):
        await drain(worker, ignore_due=True)
    (sync,) = await service.rows("SELECT status FROM sync_jobs")
    assert sync["status"] == "done"
    assert files.calls.count("download") == len(FILES)
    assert (await states(service))[LEDGER] == "read"


async def test_a_document_that_comes_in_after_its_seller_was_erased_is_not_kept(
    service: Service, files: FakeAmazon
) -> None:
    here = files.slow[LEDGER] = asyncio.Event()
    work = LongWork(patience_seconds=0.3)
    worker = impatient(service, work)
    await service.connect(ADA)
    for _ in range(6):
        await drain(worker, ignore_due=True)
    assert work.under_way, "it goes on behind its job"
    keeper = IntegrationsKeeper(service.runtime)
    with pytest.raises(NotErasableYet):
        await keeper.erase(ADA)
    await drain(worker, ignore_due=True)
    await keeper.erase(ADA)
    here.set()
    async with asyncio.timeout(20):
        while work.under_way:
            await asyncio.sleep(0.05)
    for _ in range(3):
        await drain(worker, ignore_due=True)
    for table in ("report_documents", "rejected_report_rows", "sync_reports", "sync_jobs"):
        assert await service.rows(f"SELECT 1 FROM {table}") == [], table  # noqa: S608
    assert await asyncio.to_thread(service.runtime.archive.files_of, ADA) == []
    assert await asyncio.to_thread(service.runtime.archive.rows, ADA, LEDGER) is None


async def test_rows_that_are_archived_while_their_seller_is_erased_go_too(
    service: Service, tmp_path: Path
) -> None:
    loop = asyncio.get_running_loop()

    class ErasedMeanwhile(Archive):
        def keep(self, *given: Any, **named: Any) -> str:
            name = super().keep(*given, **named)
            gone = service.execute("DELETE FROM report_documents")
            asyncio.run_coroutine_threadsafe(gone, loop).result()
            return name

    archive = ErasedMeanwhile.open(str(tmp_path / "archive"))
    content = tmp_path / "ledger"
    await asyncio.to_thread(content.write_bytes, FILES[LEDGER])
    report = ReceivedReport(
        user_id=ADA,
        sync_id="syn_1",
        report_type=LEDGER,
        marketplace_id="ATVPDKIKX0DER",
        report_id="1",
        document_id="doc",
        content=content,
    )
    await ingest_report(service.sessions, archive, report)
    assert await asyncio.to_thread(archive.files_of, ADA) == []
    assert archive.rows(ADA, LEDGER) is None


async def test_a_document_that_is_broken_for_ever_fails_alone(
    service: Service, files: FakeAmazon
) -> None:
    files.broken[LEDGER] = AmazonUnavailable("the document is a truncated gzip file")
    files.broken[SETTLEMENT] = KeyError("secret words of nobody")
    await service.connect(ADA)
    await service.work(rounds=30)
    (sync,) = await service.rows("SELECT status FROM sync_jobs")
    assert sync["status"] == "done"
    found = await states(service)
    assert (found[LEDGER], found[REIMBURSEMENTS], found[SETTLEMENT]) == ("failed", "read", "failed")
    tries = len(READ_AGAIN_SECONDS) + 1
    assert files.calls.count("download") == 2 * tries + 1
    async with service.as_user(ADA) as browser:
        told = (await browser.get("/api/sync/coverage")).json()["sources"]
    reasons = {one["source"]: (one["state"], one["reason"]) for one in told}
    begin = f"its document could not be read in {tries} tries: "
    assert reasons[LEDGER] == ("failed", f"{begin}the document is a truncated gzip file")
    assert reasons[SETTLEMENT] == ("failed", f"{begin}KeyError")


async def test_a_step_whose_workers_die_again_and_again_ends_the_sync(
    service: Service, files: FakeAmazon
) -> None:
    await service.connect(ADA)
    await start_sync(service.sessions, user_id=ADA, reason="test", clock=service.runtime.clock)
    await service.execute(
        "UPDATE outbox SET failures = :died WHERE kind = 'advance_sync'", died=LAST_DEATH
    )
    await drain(service.workshop)
    (sync,) = await service.rows("SELECT status, audit FROM sync_jobs")
    assert sync["status"] == "failed"
    reason = sync["audit"]["entries"][-1]["reason"]
    assert reason == f"Fetching Amazon data: broke off {LAST_DEATH} times"
    assert files.calls.count("download") == 0
    async with service.as_user(ADA) as browser:
        again = await browser.post("/api/sync/start")
    assert again.status_code == 202
    assert len(await service.rows("SELECT 1 FROM sync_jobs")) == 2, "a new one, not the dead one"


async def test_an_upload_whose_workers_die_again_and_again_says_so(service: Service) -> None:
    async with service.as_user(ADA) as browser:
        answer = await browser.post(
            "/api/reports/upload", files=[("files", ("ledger.txt", FILES[LEDGER]))]
        )
        await service.execute("UPDATE outbox SET failures = :died", died=LAST_DEATH)
        await drain(service.workshop, ignore_due=True)
        shown = await browser.get(f"/api/reports/uploads/{answer.json()['uploadId']}")
    assert shown.json()["status"] == "failed"


async def test_a_detection_that_takes_longer_than_a_job_goes_on(service: Service) -> None:
    async with service.as_user(ADA) as browser:
        answer = await browser.post(
            "/api/reports/upload", files=[("files", ("ledger.txt", FILES[LEDGER]))]
        )
    runtime = service.runtime
    detection = UploadDetection(service.sessions, runtime.archive, runtime.clock)
    detection = replace(detection, long_work=LongWork(patience_seconds=0.0))
    jobs = {**handlers(runtime, service.hints), "detect_upload": detection.run}
    worker = Workshop(service.sessions, jobs, open_case_for_job)
    await drain(worker, ignore_due=True)
    async with service.as_user(ADA) as browser:
        path = f"/api/reports/uploads/{answer.json()['uploadId']}"
        assert (await browser.get(path)).json()["status"] == "detecting"
        async with asyncio.timeout(20):
            while (await browser.get(path)).json()["status"] != "done":
                await asyncio.sleep(0.1)
                await drain(worker, ignore_due=True)


async def test_what_is_worked_on_is_begun_once_and_given_once() -> None:
    begun: list[int] = []
    gate = asyncio.Event()

    async def work() -> int:
        begun.append(1)
        await gate.wait()
        return len(begun)

    long_work = LongWork(patience_seconds=0.01)
    for _ in range(3):
        with pytest.raises(RetryLater):
            await long_work.result("a", work)
    gate.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await long_work.result("a", work) == 1
    assert await LongWork().result("a", work) == 2, "a result is given once"


async def test_work_that_never_ends_is_given_up() -> None:
    long_work = LongWork(patience_seconds=5.0, longest_seconds=0.05)
    with pytest.raises(TimeoutError):
        await long_work.result("a", asyncio.Event().wait)
