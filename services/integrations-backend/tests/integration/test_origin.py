"""What a seller uploads is good for detection, and proves nothing of what Amazon paid."""

import asyncio
from pathlib import Path

import pytest
from factories.books import Books, paid, taken_back
from factories.report_rows import Row, file_text
from service import ADA, Service

from integrations_backend.reports.kinds import REIMBURSEMENTS


@pytest.fixture
def books(service: Service, tmp_path: Path) -> Books:
    return Books(service, tmp_path)


async def upload(service: Service, *rows: Row) -> None:
    content = file_text(REIMBURSEMENTS, rows).encode()
    async with service.as_user(ADA) as browser:
        answer = await browser.post("/api/reports/upload", files=[("files", ("r.txt", content))])
    assert answer.status_code == 201, answer.text


async def told(books: Books) -> list[tuple[str, int]]:
    return [(event.type, event.amount_minor) for event in await books.events()]


async def test_an_uploaded_reversal_takes_no_payment_back(books: Books) -> None:
    await books.file()
    await books.report(paid())
    await upload(books.service, taken_back(9, of=1, amount="-37.02"))
    assert await books.match() == 0
    assert await told(books) == [("recovery.confirmed", 3702)]
    assert await books.status() == "paid"


@pytest.mark.parametrize("forged", [{"amount": "0.01"}, {"case_id": "", "amount": "0.01"}])
async def test_an_uploaded_payment_does_not_stand_in_for_amazons(
    books: Books, forged: dict[str, str]
) -> None:
    await books.file()
    await upload(books.service, paid(**forged))
    assert await books.match() == 0
    await books.report(paid())
    assert await told(books) == [("recovery.confirmed", 3702)]


async def test_an_upload_hides_no_row_of_amazons_document(books: Books) -> None:
    """The archive counts a row that is in both once; it stays Amazon's."""
    await books.file()
    await books.read(paid())
    await upload(books.service, paid())
    assert await books.match() == 1
    assert await told(books) == [("recovery.confirmed", 3702)]


async def test_detection_goes_on_reading_uploads(books: Books) -> None:
    await upload(books.service, paid())
    rows = await asyncio.to_thread(books.service.runtime.archive.rows, ADA, REIMBURSEMENTS)
    assert rows is not None
    assert rows["reimbursement-id"].to_list() == ["70001"]
