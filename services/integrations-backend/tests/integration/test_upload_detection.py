"""After an upload, detection runs over everything that was read, and the upload tells what it found."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from factories.books import Books, paid
from factories.claims import CLAIM, cases_of, find, record
from factories.report_rows import file_text, refund, row, sale
from fakes.amazon_fake import FakeAmazon
from service import ADA, BEN, Service

from integrations_backend.cases.record import record_findings
from integrations_backend.detection.findings import Findings
from integrations_backend.reports.kinds import LEDGER, REIMBURSEMENTS, RETURNS, SETTLEMENT
from opside_chassis.outbox import RetryLater

LOST = file_text(LEDGER, [row(LEDGER)])
PAID_ELSEWHERE = file_text(REIMBURSEMENTS, [row(REIMBURSEMENTS, fnsku="X999")])
PAID = file_text(REIMBURSEMENTS, [row(REIMBURSEMENTS)])


async def upload(service: Service, *texts: str, user_id: str = ADA, codec: str = "utf-8") -> Any:
    files = [("files", (f"{n}.txt", one.encode(codec))) for n, one in enumerate(texts)]
    async with service.as_user(user_id) as browser:
        answer = await browser.post("/api/reports/upload", files=files)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def told(service: Service, uploaded: Any, user_id: str = ADA) -> tuple[str, Any, Any]:
    async with service.as_user(user_id) as browser:
        found = (await browser.get(f"/api/reports/uploads/{uploaded['uploadId']}")).json()
    return found["status"], found["claims"], found["losses"]


async def test_an_upload_tells_its_claims_and_losses_once_detection_has_run(
    service: Service,
) -> None:
    uploaded = await upload(service, LOST, PAID_ELSEWHERE)
    assert await told(service, uploaded) == ("detecting", None, None)
    assert (uploaded["status"], uploaded["claims"], uploaded["losses"]) == ("detecting", None, None)
    await service.work()
    assert await told(service, uploaded) == ("done", 1, 0)
    (case,) = await cases_of(service)
    assert (case["status"], case["claimType"], case["quantity"]) == ("open", "warehouse_lost", 1)
    assert case["audit"][0]["syncId"] == uploaded["uploadId"]


async def test_a_later_upload_closes_what_it_answers(service: Service) -> None:
    await upload(service, LOST, PAID_ELSEWHERE)
    await service.work()
    uploaded = await upload(service, PAID)
    await service.work()
    assert await told(service, uploaded) == ("done", 0, 1)
    (case,) = await cases_of(service)
    assert case["closedReason"] == "Amazon paid without a case of ours"


async def test_an_upload_that_lacks_what_a_rule_needs_claims_nothing(service: Service) -> None:
    uploaded = await upload(service, LOST)
    await service.work()
    assert await told(service, uploaded) == ("done", 0, 0)


async def test_what_is_uploaded_and_what_was_synced_are_looked_at_together(
    service: Service, amazon: FakeAmazon
) -> None:
    amazon.documents = {REIMBURSEMENTS: PAID_ELSEWHERE.encode()}
    await service.connect(ADA)
    await service.work()
    uploaded = await upload(service, LOST)
    await service.work()
    assert await told(service, uploaded) == ("done", 1, 0)


async def test_each_seller_has_his_own(service: Service) -> None:
    await upload(service, PAID_ELSEWHERE, user_id=BEN)
    uploaded = await upload(service, LOST)
    await service.work()
    assert await told(service, uploaded) == ("done", 0, 0)
    assert await cases_of(service, BEN) == []


def german(order: str = "302-1") -> tuple[str, str, str]:
    """A settlement that shows its store, and two files that show none. Refunded 50 days ago."""
    refunded = {"posted_date": "02.10.2026 10:00:00 UTC"}
    total = row(SETTLEMENT, transaction_type="", order_id="", sku="", currency="EUR")
    rows = [total | {"posted-date": "", "total-amount": "1234.50"}]
    rows += [one | {"posted-date": "01.08.2026 10:00:00 UTC"} for one in sale(order)]
    rows.append(refund(order, **refunded))
    commas = [
        one | {name: one[name].replace(".", ",") for name in one if "amount" in name}
        for one in rows
    ]
    returned = row(RETURNS, order_id="302-9", return_date="01.09.2026 10:00:00 UTC")
    return (
        file_text(SETTLEMENT, commas),
        file_text(RETURNS, [returned]),
        file_text(REIMBURSEMENTS, []),
    )


async def test_the_windows_are_those_of_the_store_that_the_files_show(service: Service) -> None:
    """In Germany a return may be claimed from day 45, in the United States from day 60."""
    uploaded = await upload(service, *german())
    assert [one["rejected"] for one in uploaded["files"]] == [0, 0, 0]
    await service.work()
    assert await told(service, uploaded) == ("done", 1, 0)
    (case,) = await cases_of(service)
    assert (case["currency"], case["valueCents"]) == ("eur", 1_250)


async def test_a_file_that_shows_no_store_is_of_the_store_of_earlier_files(
    service: Service,
) -> None:
    settlement, returns, payments = german()
    await upload(service, settlement)
    await upload(service, returns)
    uploaded = await upload(service, payments)
    await service.work()
    assert await told(service, uploaded) == ("done", 1, 0)


async def test_a_japanese_file_is_read_in_its_own_character_set(service: Service) -> None:
    payment = row(
        REIMBURSEMENTS,
        currency_unit="JPY",
        amount_total="1234",
        amount_per_unit="1234",
        sku="包丁①",
    )
    (file,) = (await upload(service, file_text(REIMBURSEMENTS, [payment]), codec="cp932"))["files"]
    assert (file["rows"], file["rejected"]) == (1, 0)
    rows = await asyncio.to_thread(service.runtime.archive.rows, ADA, REIMBURSEMENTS)
    assert rows is not None
    assert rows["sku"].to_list() == ["包丁①"]


async def test_the_job_may_run_twice(service: Service) -> None:
    uploaded = await upload(service, LOST, PAID_ELSEWHERE)
    await service.work()
    await service.execute("UPDATE outbox SET status = 'waiting' WHERE kind = 'detect_upload'")
    await service.work()
    assert await told(service, uploaded) == ("done", 1, 0)
    (case,) = await cases_of(service)
    assert [one["step"] for one in case["audit"]] == ["created"]


async def test_findings_of_fewer_files_never_replace_those_of_more(service: Service) -> None:
    """Two detections at once: the one that began before the last file was read must not win."""
    await record(service, CLAIM)
    await upload(service, LOST)
    with pytest.raises(RetryLater):
        await record_findings(
            service.sessions,
            Findings(),
            user_id=ADA,
            marketplace_id="ATVPDKIKX0DER",
            sync_id="syn_1",
            documents=0,
        )
    await find(service, CLAIM)
    assert [one["status"] for one in await cases_of(service)] == ["open"]


async def test_uploads_at_once_end_in_what_all_of_them_show(service: Service) -> None:
    texts = [file_text(LEDGER, [row(LEDGER, fnsku=f"X{n}")]) for n in range(4)]
    async with asyncio.TaskGroup() as uploads:
        for one in texts:
            uploads.create_task(upload(service, one, PAID_ELSEWHERE))
    await service.race()
    assert len(await cases_of(service, status="open")) == 4


async def test_an_upload_that_cannot_be_looked_at_says_so(service: Service) -> None:
    uploaded = await upload(service, LOST, PAID_ELSEWHERE)
    (stored,) = await asyncio.to_thread(_parquet, service.runtime.archive.root / ADA / LEDGER)
    await asyncio.to_thread(stored.write_bytes, b"no parquet")
    await service.work()
    assert await told(service, uploaded) == ("failed", None, None)
    assert await service.rows("SELECT * FROM human_cases") == []


def _parquet(folder: Path) -> list[Path]:
    return list(folder.rglob("*.parquet"))


async def test_an_uploaded_payment_is_no_proof_that_amazon_paid(
    service: Service, tmp_path: Path
) -> None:
    """Only Amazon's own report confirms a recovery, at the amount that it says."""
    books = Books(service, tmp_path)
    await books.file()
    await upload(service, file_text(REIMBURSEMENTS, [paid(amount="0.01")]))
    await service.work()
    assert (await books.status(), await books.listed(), await books.events()) == ("filed", [], [])
