"""The monthly statement: JSON and CSV say the same, months do not overlap, currencies stay apart."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from door import Browser, Door
from fakes.amazon_login_fake import BEN
from pypdf import PdfReader

from main_api.recoveries.models import Recovery
from opside_chassis.database import transaction
from opside_chassis.ids import new_id
from opside_chassis.money import Money

NOVEMBER = datetime(2026, 11, 15, tzinfo=UTC)


async def owner(browser: Browser) -> str:
    found: str = (await browser.me()).json()["userId"]
    return found


async def paid(door: Door, user_id: str, recovery_id: str, **changes: Any) -> None:
    """Amazon paid 123.45 USD, our fee of 24.69 was collected."""
    values: dict[str, Any] = {
        "case_id": "cas_1",
        "claim_id": "clm_1",
        "claim_type": "warehouse_lost",
        "amount_minor": 12_345,
        "currency": "usd",
        "quantity": 1,
        "approved_at": NOVEMBER,
        "billable": True,
        "rule_version": "1",
        "rate_bp": 2_000,
        "fee_minor": 2_469,
        "collected_minor": 2_469,
        "transaction_id": f"txn_{recovery_id}",
        "commission_status": "charged",
    }
    row = Recovery(id=new_id("rcv"), user_id=user_id, recovery_id=recovery_id, **values | changes)
    async with transaction(door.database.sessions, tenant=user_id) as session:
        session.add(row)


async def as_json(browser: Browser, month: str) -> dict[str, Any]:
    answer = await browser.http.get(f"/api/statements/{month}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def as_rows(browser: Browser, month: str) -> list[dict[str, str]]:
    answer = await browser.http.get(f"/api/statements/{month}", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="opside-{month}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    return [row for row in rows if row["record"] == "line"]


@pytest.fixture
async def ada(browser: Browser) -> Browser:
    await browser.sign_in()
    return browser


AMOUNTS = {
    "recovered": "amountCents",
    "fee": "feeCents",
    "collected": "collectedCents",
    "transferred": "transferredCents",
    "refunded": "refundedCents",
    "reversed": "reversedCents",
}
TEXTS = {
    "reimbursement_id": "recoveryId",
    "claim_type": "claimType",
    "case_id": "caseId",
    "amazon_case_id": "amazonCaseId",
    "rule_version": "ruleVersion",
    "currency": "currency",
    "status": "commissionStatus",
    "payment_intent_id": "paymentIntentId",
    "why_no_fee": "notBillableReason",
}


async def test_csv_and_json_say_the_same_and_the_totals_add_up(ada: Browser, door: Door) -> None:
    user_id = await owner(ada)
    await paid(door, user_id, "1", refunded_minor=1_000, reversed_minor=5_000)
    await paid(
        door, user_id, "2", currency="jpy", amount_minor=900, fee_minor=180, collected_minor=180
    )
    await paid(door, user_id, "3", currency="kwd", payment_intent_id="pi_1", amazon_case_id="77")
    unbilled = {
        "billable": False,
        "rate_bp": None,
        "transaction_id": None,
        "fee_minor": 0,
        "collected_minor": 0,
    }
    await paid(door, user_id, "4", not_billable_reason="paid, before us", **unbilled)
    statement, rows = await as_json(ada, "2026-11"), await as_rows(ada, "2026-11")
    assert len(rows) == len(statement["lines"]) == 4
    for row, line in zip(rows, statement["lines"], strict=True):
        for column, name in TEXTS.items():
            assert row[column] == (line[name] or "")
        for column, name in AMOUNTS.items():
            assert row[column] == str(Money(line[name], line["currency"]).to_decimal())
        assert datetime.fromisoformat(row["approved_at"]) == datetime.fromisoformat(
            line["approvedAt"]
        )
    totals = {total["currency"]: total for total in statement["totals"]}
    assert list(totals) == ["jpy", "kwd", "usd"]
    for currency, total in totals.items():
        own = [line for line in statement["lines"] if line["currency"] == currency]
        for column, name in AMOUNTS.items():
            assert total[f"{column}Cents"] == sum(line[name] for line in own)
    assert totals["usd"]["recoveredCents"] == 2 * 12_345
    assert totals["usd"]["billableCents"] == 12_345


async def test_amounts_have_the_decimals_of_their_currency(ada: Browser, door: Door) -> None:
    user_id = await owner(ada)
    for number, currency in enumerate(("usd", "jpy", "kwd")):
        await paid(door, user_id, str(number), currency=currency)
    shown = {row["currency"]: row["recovered"] for row in await as_rows(ada, "2026-11")}
    assert shown == {"usd": "123.45", "jpy": "12345", "kwd": "12.345"}


@pytest.mark.parametrize(
    ("moment", "month"),
    [
        ("2026-10-31T23:59:59.999999+00:00", "2026-10"),
        ("2026-11-01T00:00:00+00:00", "2026-11"),
        ("2026-11-30T23:59:59.999999+00:00", "2026-11"),
        ("2026-11-30T23:30:00-08:00", "2026-12"),
        ("2026-12-31T23:59:59.999999+00:00", "2026-12"),
        ("2027-01-01T00:00:00+00:00", "2027-01"),
        ("2028-02-29T12:00:00+00:00", "2028-02"),
    ],
)
async def test_a_recovery_is_in_one_month(
    ada: Browser, door: Door, moment: str, month: str
) -> None:
    await paid(door, await owner(ada), "1", approved_at=datetime.fromisoformat(moment))
    months = ["2026-10", "2026-11", "2026-12", "2027-01", "2028-02"]
    found = [month for month in months if (await as_json(ada, month))["lines"]]
    assert found == [month]


@pytest.mark.parametrize(
    "month",
    [
        "2026-13",
        "2026-00",
        "2026-1",
        "0000-01",
        "9999-99",
        "x",
        "2026-11-01",
        " 2026-11",
        "\uff12\uff10\uff12\uff16-11",
    ],
)
@pytest.mark.parametrize("accept", ["application/json", "text/csv"])
async def test_what_is_no_month_is_refused(ada: Browser, month: str, accept: str) -> None:
    answer = await ada.http.get(f"/api/statements/{month}", headers={"Accept": accept})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("https://evil.test";"x")')


@pytest.mark.parametrize("text", FORMULAS)
async def test_no_cell_is_a_formula(ada: Browser, door: Door, text: str) -> None:
    changes = {
        "case_id": text,
        "claim_type": text,
        "amazon_case_id": text,
        "rule_version": text,
        "payment_intent_id": text,
        "not_billable_reason": text,
    }
    await paid(door, await owner(ada), text, **changes)
    [row] = await as_rows(ada, "2026-11")
    changes.pop("not_billable_reason")
    for column in row:
        assert not row[column].startswith(("=", "+", "-", "@", "\t", "\r")), column
    assert row["amazon_case_id"] == f"'{text}"


async def test_a_range_holds_both_of_its_days_and_nothing_else(ada: Browser, door: Door) -> None:
    user_id = await owner(ada)
    for name, moment in (
        ("before", "2026-10-31T23:59:59+00:00"),
        ("first", "2026-11-01T00:00:00+00:00"),
        ("last", "2027-02-03T23:59:59+00:00"),
        ("after", "2027-02-04T00:00:00+00:00"),
    ):
        await paid(door, user_id, name, approved_at=datetime.fromisoformat(moment))
    asked = {"from": "2026-11-01", "to": "2027-02-03"}
    answer = (await ada.http.get("/api/statements", params=asked)).json()
    assert [line["recoveryId"] for line in answer["lines"]] == ["first", "last"]
    assert (answer["firstDay"], answer["lastDay"]) == tuple(asked.values())
    month = {"from": "2026-11-01", "to": "2026-11-30"}
    as_month = (await ada.http.get("/api/statements", params=month)).json()
    assert as_month == await as_json(ada, "2026-11")


@pytest.mark.parametrize(
    ("first", "last", "status"),
    [
        ("2026-11-02", "2026-11-01", 400),
        ("2026-01-01", "2027-01-02", 400),
        ("2026-01-01", "2027-01-01", 200),
        ("0001-01-01", "0001-01-02", 400),
        ("9999-12-31", "9999-12-31", 400),
        ("2026-02-30", "2026-03-01", 422),
        ("yesterday", "2026-03-01", 422),
    ],
)
async def test_a_range_is_a_year_at_most(ada: Browser, first: str, last: str, status: int) -> None:
    answer = await ada.http.get("/api/statements", params={"from": first, "to": last})
    assert answer.status_code == status, answer.text


async def pdf_text(browser: Browser, month: str) -> str:
    answer = await browser.http.get(
        f"/api/statements/{month}", headers={"Accept": "application/pdf"}
    )
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == f'attachment; filename="opside-{month}.pdf"'
    pages = PdfReader(io.BytesIO(answer.content)).pages
    return "\n".join(page.extract_text() for page in pages)


async def test_the_pdf_shows_every_line_and_the_totals(ada: Browser, door: Door) -> None:
    user_id = await owner(ada)
    for number in range(90):
        await paid(door, user_id, f"R{number:03}", payment_intent_id=f"pi_{number:03}")
    await paid(door, user_id, "<b>&bold", case_id="<font size=90>", currency="jpy")
    await paid(
        door,
        user_id,
        "waits",
        rule_version="2026-11.3",
        review_until=NOVEMBER + timedelta(days=3),
        rate_bp=None,
        fee_minor=0,
        collected_minor=0,
        transaction_id=None,
        commission_status=None,
    )
    text = await pdf_text(ada, "2026-11")
    words = " ".join(text.split())
    assert "rule 2026-11.3" in words
    assert "objections until 2026-11-18 00:00 UTC" in words
    assert all(f"R{number:03}" in text and f"pi_{number:03}" in text for number in range(90))
    assert "<b>&bold" in text
    assert "page 3" in text, "long statements go on"
    total = Money(91 * 12_345, "usd")
    assert str(total) in text
    assert "12345 JPY" in text


async def test_an_empty_month_has_a_pdf_too(ada: Browser) -> None:
    assert "Nothing was recovered" in await pdf_text(ada, "2026-11")


async def test_a_statement_is_the_sellers_own(
    new_browser: Callable[..., Browser], ada: Browser, door: Door
) -> None:
    ben = new_browser()
    await ben.sign_in(BEN)
    await paid(door, await owner(ada), "1")
    assert (await as_json(ben, "2026-11"))["lines"] == []
    assert (await ben.http.get("/api/billing/recoveries")).json()["items"] == []
    assert len((await as_json(ada, "2026-11"))["lines"]) == 1


async def test_pages_of_recoveries_hold_each_once_newest_first(ada: Browser, door: Door) -> None:
    user_id = await owner(ada)
    for number in range(7):
        await paid(door, user_id, str(number))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await ada.http.get("/api/billing/recoveries", params={"limit": "3"} | cursor)
        seen += [item["recoveryId"] for item in answer.json()["items"]]
        if answer.json()["nextCursor"] is None:
            break
        cursor = {"cursor": answer.json()["nextCursor"]}
    assert seen == [str(number) for number in range(6, -1, -1)]
    forged = await ada.http.get("/api/billing/recoveries", params={"cursor": "nonsense"})
    assert forged.status_code == 400


async def test_the_dashboard_runs_nothing_of_others(browser: Browser) -> None:
    assert (await browser.http.get("/")).headers["location"] == "/dashboard"
    page = await browser.http.get("/dashboard")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<script>" not in page.text
    assert "onclick" not in page.text
    for path in ("/dashboard/page.js", "/dashboard/page.css"):
        assert path.rsplit("/", 1)[1] in page.text
        assert (await browser.http.get(path)).status_code == 200
    script = (await browser.http.get("/dashboard/page.js")).text
    assert "innerHTML" not in script
