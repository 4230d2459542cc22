"""Five real settlement files of one Canadian seller, to the cent."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from factories.report_rows import frame
from service import ADA, Service

from integrations_backend.detection.customer_returns import find
from integrations_backend.detection.facts import Facts
from integrations_backend.detection.policy import current_policy
from integrations_backend.reports.kinds import KINDS, REIMBURSEMENTS, RETURNS, SETTLEMENT
from integrations_backend.reports.marketplaces import marketplace
from integrations_backend.reports.read import ParsedReport, read_file
from integrations_backend.reports.settlements import summarise

DATA = Path(__file__).parents[5] / "shared" / "data" / "amazon" / "settlements"
CANADA = marketplace("A2EUQ1WTGCTBG2")
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"the real settlement files are not beside the project ({DATA})"
)


def truth() -> list[dict[str, Any]]:
    if not DATA.is_dir():
        return []
    files: list[dict[str, Any]] = json.loads((DATA / "ground_truth.json").read_text())["files"]
    return files


def parsed(file: str) -> ParsedReport:
    return read_file(DATA / file, KINDS[SETTLEMENT], store=CANADA)


def number(text: str) -> str:
    """Amounts compare as numbers: 0 is 0.00."""
    return f"{float(text):.2f}"


@pytest.mark.parametrize("known", truth(), ids=lambda known: known["file"])
def test_every_sum_is_that_of_the_ground_truth(known: dict[str, Any]) -> None:
    report = parsed(known["file"])
    assert report.rejected == ()
    assert report.frame.height == known["rows_with_totals_row"]
    summary = summarise(report.frame)
    assert summary.currency == known["currency"].lower()
    assert summary.total_amount == known["total_amount"]
    assert summary.adds_up
    assert {
        one.transaction_type: {"rows": one.rows, "net": number(one.net)}
        for one in summary.net_by_type
    } == {
        kind: {"rows": one["rows"], "net": number(one["net"])}
        for kind, one in known["net_by_transaction_type"].items()
    }
    assert sorted(
        (one.order_id, one.adjustment_id, one.sku, one.rows, one.principal, one.net)
        for one in summary.refunds
    ) == sorted(
        (
            *(one["order_id"], one["adjustment_id"], one["sku"], one["rows"]),
            *(one["principal"], one["net"]),
        )
        for one in known["refunds"]
    )
    assert sorted(
        (one.transaction_type, one.posted, one.order_id, str(one.quantity), one.net)
        for one in summary.reimbursements
    ) == sorted(
        (one["type"], one["posted"], one["order_id"], one["quantity"], one["amount"])
        for one in known["reimbursements"]
    )


def facts(as_of: date) -> Facts:
    none = {kind: frame(kind, []) for kind in (RETURNS, REIMBURSEMENTS)}
    rows = pl.concat([parsed(one["file"]).frame for one in truth()])
    return Facts(none | {SETTLEMENT: rows}, CANADA, current_policy(), as_of)


def test_on_the_last_day_two_refunds_are_paid_and_three_still_wait() -> None:
    findings = find(facts(date(2025, 9, 25)))
    assert findings.claims == []
    assert sorted(one.reason for one in findings.losses) == ["paid"] * 2 + ["still_waiting"] * 3


def test_two_months_later_the_three_are_claimed() -> None:
    claims = find(facts(date(2025, 12, 1))).claims
    assert {one.order_id for one in claims} == {
        "701-9598458-8316570",
        "701-9295419-6611082",
        "702-6068471-1268819",
    }
    assert all(one.value_minor is None or 0 < one.value_minor < 5_999 for one in claims)


async def test_all_five_are_taken_by_the_upload(service: Service) -> None:
    names = [one["file"] for one in truth()]
    files = [("files", (name, (DATA / name).read_bytes())) for name in names]
    async with service.as_user(ADA) as browser:
        answer = await browser.post("/api/reports/upload", files=files)
    assert answer.status_code == 201, answer.text
    read = {one["name"]: one["settlement"] for one in answer.json()["files"]}
    assert {name: one["totalAmount"] for name, one in read.items()} == {
        one["file"]: one["total_amount"] for one in truth()
    }
    assert all(one["addsUp"] for one in read.values())
