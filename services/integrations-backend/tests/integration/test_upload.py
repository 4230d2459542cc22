"""Report files that a seller hands over: those that can be read are, and every bad one is named."""

import asyncio
import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from factories.report_rows import file_text, refund, row, sale
from service import ADA, Service

from integrations_backend.app import LARGEST_UPLOAD_BYTES
from integrations_backend.reports.kinds import LEDGER, REIMBURSEMENTS, SETTLEMENT

GOOD = file_text(LEDGER, [row(LEDGER)]).encode()


async def upload(service: Service, *files: tuple[str, bytes]) -> Any:
    async with service.as_user(ADA) as browser:
        return await browser.post(
            "/api/reports/upload", files=[("files", (name, data)) for name, data in files]
        )


async def nothing_is_stored(service: Service) -> bool:
    for table in ("report_uploads", "report_documents", "rejected_report_rows"):
        if await service.rows(f"SELECT 1 FROM {table}"):  # noqa: S608
            return False
    return not await asyncio.to_thread(_files, service)


def _files(service: Service) -> list[Path]:
    return [one for one in service.runtime.archive.root.rglob("*") if one.is_file()]


async def test_files_of_any_type_are_known_by_their_header(service: Service) -> None:
    payments = file_text(REIMBURSEMENTS, [row(REIMBURSEMENTS)] * 2).encode()
    answer = await upload(service, ("a.txt", GOOD), ("b.csv", payments))
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert [(one["name"], one["reportType"], one["rows"]) for one in body["files"]] == [
        ("a.txt", LEDGER, 1),
        ("b.csv", REIMBURSEMENTS, 2),
    ]
    async with service.as_user(ADA) as browser:
        again = await browser.get(f"/api/reports/uploads/{body['uploadId']}")
    assert again.json() == body


async def test_rows_that_cannot_be_read_are_kept_aside_with_line_and_reason(
    service: Service,
) -> None:
    text = file_text(LEDGER, [row(LEDGER), row(LEDGER, quantity="one"), row(LEDGER, date="")])
    (file,) = (await upload(service, ("a.txt", text.encode()))).json()["files"]
    assert (file["rows"], file["rejected"]) == (1, 2)
    assert file["firstRejected"] == [
        {"line": 3, "reason": "cannot read quantity"},
        {"line": 4, "reason": "lacks date"},
    ]


def zip_bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report.txt", b"0" * 20_000_000)
    return packed.getvalue()


BAD = {
    "empty": b"",
    "blank": b"\n\n",
    "binary": bytes(range(256)) * 40,
    "no report": b"name\tage\nAda\t36\n",
    "wrong header": GOOD.replace(b"fnsku", b"fnsku2", 1),
    "gzip bomb": gzip.compress(b"0" * 20_000_000),
    "zip bomb": zip_bomb(),
    "utf-16": GOOD.decode().encode("utf-16"),
    "utf-32": GOOD.decode().encode("utf-32"),
    "undecodable": GOOD + b"\x81\x8d\x90",
    "ten thousand columns": b"\t".join([b"date"] * 10_000),
    "one endless line": b"x" * 3_000_000,
}


@pytest.mark.parametrize("kind", list(BAD))
async def test_a_bad_file_is_named_and_the_good_ones_are_read(service: Service, kind: str) -> None:
    answer = await upload(service, ("bad.txt", BAD[kind]), ("good.txt", GOOD))
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert [(one["name"], one["rows"]) for one in body["files"]] == [("good.txt", 1)]
    (refused,) = body["refused"]
    assert refused["name"] == "bad.txt"
    assert 0 < len(refused["reason"]) < 300
    async with service.as_user(ADA) as browser:
        again = await browser.get(f"/api/reports/uploads/{body['uploadId']}")
    assert again.json() == body
    assert len(await service.rows("SELECT 1 FROM report_documents")) == 1


async def test_an_upload_of_bad_files_alone_stores_nothing(service: Service) -> None:
    answer = await upload(service, ("bad.txt", b"x"), ("worse.txt", b""))
    assert answer.status_code == 400, answer.text
    problem = answer.json()
    assert problem["code"] == "unreadable_report"
    assert problem["detail"].startswith("bad.txt: ")
    assert await nothing_is_stored(service)


async def test_every_file_is_read_or_refused_in_its_order(service: Service) -> None:
    payments = file_text(REIMBURSEMENTS, [row(REIMBURSEMENTS)]).encode()
    given = [("1", b"x"), ("2", GOOD), ("3", b""), ("4", payments), ("5", b"\x00")]
    body = (await upload(service, *given)).json()
    assert [one["name"] for one in body["files"]] == ["2", "4"]
    assert [one["name"] for one in body["refused"]] == ["1", "3", "5"]


async def test_a_body_beyond_the_limit_is_refused(service: Service) -> None:
    answer = await upload(service, ("big.txt", b"x" * LARGEST_UPLOAD_BYTES))
    assert answer.status_code == 413
    assert await nothing_is_stored(service)


async def test_too_many_files_are_refused(service: Service) -> None:
    answer = await upload(service, *((f"{n}.txt", GOOD) for n in range(21)))
    assert answer.status_code == 400
    assert await nothing_is_stored(service)


async def test_ten_thousand_files_are_refused(service: Service) -> None:
    answer = await upload(service, *((f"{n}.txt", GOOD) for n in range(10_000)))
    assert answer.status_code == 400
    assert await nothing_is_stored(service)


async def test_no_file_at_all_is_refused(service: Service) -> None:
    async with service.as_user(ADA) as browser:
        assert (await browser.post("/api/reports/upload")).status_code in {400, 415, 422}


async def test_the_same_file_again_adds_no_rows(service: Service) -> None:
    first = (await upload(service, ("a.txt", GOOD))).json()
    again = (await upload(service, ("again.txt", GOOD), ("and-again.txt", GOOD))).json()
    assert first["uploadId"] != again["uploadId"]
    assert [one["rows"] for one in again["files"]] == [1, 1]
    assert len(await service.rows("SELECT 1 FROM report_documents")) == 1
    rows = await asyncio.to_thread(service.runtime.archive.rows, ADA, LEDGER)
    assert rows is not None
    assert rows.height == 1


async def test_the_same_file_at_once_is_read_once(service: Service) -> None:
    answers = await asyncio.gather(*(upload(service, ("a.txt", GOOD)) for _ in range(5)))
    assert {one.status_code for one in answers} == {201}
    rows = await asyncio.to_thread(service.runtime.archive.rows, ADA, LEDGER)
    assert rows is not None
    assert rows.height == 1


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/abs", "a\x00b", "con.txt\r\nX: y", "x" * 999]
)
async def test_a_file_name_is_never_a_path(service: Service, name: str) -> None:
    answer = await upload(service, (name, GOOD))
    assert answer.status_code == 201
    assert len(answer.json()["files"][0]["name"]) <= 120
    stored = await asyncio.to_thread(_files, service)
    assert stored
    assert all(one.is_relative_to(service.runtime.archive.root / ADA) for one in stored)


async def test_a_file_without_a_name_is_none(service: Service) -> None:
    assert (await upload(service, ("", GOOD))).status_code == 422
    assert await nothing_is_stored(service)


async def test_a_quote_inside_a_cell_does_not_swallow_rows(service: Service) -> None:
    rows = [row(LEDGER, msku='5" frame'), row(LEDGER, msku='"quoted"'), row(LEDGER, msku='"')]
    (file,) = (await upload(service, ("a.txt", file_text(LEDGER, rows).encode()))).json()["files"]
    assert (file["rows"], file["rejected"]) == (3, 0)
    stored = await asyncio.to_thread(service.runtime.archive.rows, ADA, LEDGER)
    assert stored is not None
    assert sorted(stored["msku"].to_list()) == ['"', '5" frame', "quoted"]


def settlement(currency: str, amount: str, moment: str) -> str:
    total = {"total_amount": amount, "currency": currency, "transaction_type": "", "order_id": ""}
    rows = [row(SETTLEMENT, **(total | {"posted_date": "", "sku": ""}))]
    rows.append(row(SETTLEMENT, other_amount=amount, posted_date=moment))
    return file_text(SETTLEMENT, rows)


@pytest.mark.parametrize(
    ("currency", "amount", "moment", "total"),
    [
        ("USD", "1,234.50", "2026-10-03T10:00:00+00:00", "1234.50"),
        ("GBP", "1,234.50", "2026-10-03 10:00:00 UTC", "1234.50"),
        ("EUR", "1.234,50", "03.10.2026 10:00:00 UTC", "1234.50"),
        ("EUR", "1234.50", "03.10.2026 10:00:00 UTC", "1234.50"),
        ("EUR", "-12,34", "03.10.2026 10:00:00 UTC", "-12.34"),
        ("SEK", "12,34", "2026-10-03 10:00:00 UTC", "12.34"),
        ("JPY", "1234", "2026-10-03 10:00:00 UTC", "1234"),
    ],
)
@pytest.mark.parametrize("quoted", [False, True])
async def test_amounts_are_read_as_the_store_of_the_currency_writes_them(
    service: Service, currency: str, amount: str, moment: str, total: str, quoted: bool
) -> None:
    text = settlement(currency, amount, moment)
    if quoted:
        lines = [line.split("\t") for line in text.rstrip("\n").split("\n")]
        text = "\n".join("\t".join(f'"{cell}"' for cell in line) for line in lines)
    (file,) = (await upload(service, ("s.txt", text.encode("cp1252")))).json()["files"]
    assert (file["rejected"], file["rows"]) == (0, 2)
    assert file["settlement"]["totalAmount"] == total
    assert file["settlement"]["currency"] == currency.lower()
    assert file["settlement"]["addsUp"]


@pytest.mark.parametrize("amount", ["12,34", "1,23,4", "1,2345.00", ",5", "1,234,50"])
async def test_a_comma_that_parts_no_thousands_is_not_guessed_at(
    service: Service, amount: str
) -> None:
    text = file_text(REIMBURSEMENTS, [row(REIMBURSEMENTS, amount_total=amount)])
    (file,) = (await upload(service, ("r.txt", text.encode()))).json()["files"]
    assert [one["reason"] for one in file["firstRejected"]] == ["cannot read amount-total"]


async def test_a_british_ledger_is_read_day_first(service: Service) -> None:
    text = file_text(LEDGER, [row(LEDGER, date="03/10/2026", country="GB")])
    await upload(service, ("ledger.txt", text.encode()))
    stored = await asyncio.to_thread(service.runtime.archive.rows, ADA, LEDGER)
    assert stored is not None
    assert [one.isoformat() for one in stored["date"]] == ["2026-10-03"]


async def test_a_settlement_shows_its_refunds(service: Service) -> None:
    total = row(SETTLEMENT, total_amount="-7.50", currency="USD", transaction_type="")
    rows = [total | {"posted-date": "", "order-id": ""}, *sale(), refund()]
    (file,) = (await upload(service, ("s.txt", file_text(SETTLEMENT, rows).encode()))).json()[
        "files"
    ]
    shown = file["settlement"]
    assert (shown["addsUp"], shown["totalAmount"]) == (True, "-7.50")
    assert [(one["orderId"], one["net"]) for one in shown["refunds"]] == [("112-1", "-20.00")]


@pytest.mark.parametrize("currency", ["ZZZ", "", "us dollars"])
async def test_a_settlement_in_no_currency_we_know_does_not_break(
    service: Service, currency: str
) -> None:
    text = settlement(currency, "1.00", "2026-10-03T10:00:00+00:00")
    answer = await upload(service, ("s.txt", text.encode()))
    assert (answer.status_code, answer.json()["files"][0]["rows"]) == (201, 2)
