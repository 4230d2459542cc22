"""A statement proves itself: whoever changes one amount of its file is found out without our database."""

import io
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from main_api.recoveries.schemas import RecoveryView
from main_api.statements.check import check_statement
from main_api.statements.compile import Statement, totals_of
from main_api.statements.csv_file import AMOUNTS, as_csv
from main_api.statements.periods import month_of, range_of
from opside_chassis.money import Money, share_of


def line(**changes: Any) -> RecoveryView:
    amount = changes.get("amount_cents", 12_345)
    rate = changes.get("rate_bp", 2_000)
    fee = 0 if rate is None else share_of(amount, rate)
    values: dict[str, Any] = {
        "recovery_id": "777",
        "case_id": "cas_1",
        "claim_id": "clm_1",
        "claim_type": "warehouse_lost",
        "amount_cents": amount,
        "currency": "usd",
        "quantity": 1,
        "approved_at": datetime(2026, 11, 15, tzinfo=UTC),
        "amazon_case_id": None,
        "billable": True,
        "not_billable_reason": None,
        "rule_version": "1",
        "review_until": None,
        "objection": None,
        "objection_outcome": None,
        "objection_note": None,
        "not_charged_reason": None,
        "transaction_id": "txn_1",
        "commission_status": "charged",
        "settled": True,
        "next_step": "none",
        "rate_bp": rate,
        "fee_cents": fee,
        "collected_cents": fee,
        "transferred_cents": 0,
        "refunded_cents": 0,
        "reversed_cents": 0,
        "payment_intent_id": "pi_1",
        "failure_reason": None,
    }
    return RecoveryView(**values | changes)


def file_of(*lines: RecoveryView) -> str:
    period = month_of("2026-11")
    return as_csv(
        Statement(
            month=period.name,
            first_day=period.first,
            last_day=period.last,
            lines=list(lines),
            totals=totals_of(lines),
        )
    )


UNCHARGED = {"rate_bp": None, "transaction_id": None, "payment_intent_id": None}
LINES = st.builds(
    line,
    amount_cents=st.integers(1, 10**12),
    rate_bp=st.integers(0, 10_000),
    currency=st.sampled_from(["usd", "gbp", "jpy", "kwd"]),
)


@given(st.lists(LINES, max_size=20))
def test_what_we_write_is_right(lines: list[RecoveryView]) -> None:
    checked = check_statement(io.StringIO(file_of(*lines)))
    assert checked.faults == []
    assert checked.lines == len(lines)
    for total in totals_of(lines):
        assert checked.sums[total.currency]["fee"] == total.fee_cents


def test_lines_without_a_fee_are_right_too() -> None:
    lines = [
        line(**UNCHARGED, commission_status=None, billable=False, not_billable_reason="before us"),
        line(**UNCHARGED, commission_status=None),
        line(**UNCHARGED, commission_status=None, not_charged_reason="objection upheld"),
        line(
            amount_cents=100,
            commission_status="waived",
            fee_cents=0,
            collected_cents=0,
            failure_reason="below the smallest charge",
        ),
    ]
    assert check_statement(io.StringIO(file_of(*lines))).faults == []


@given(st.lists(LINES, min_size=1, max_size=6), st.data())
def test_any_changed_amount_is_found(lines: list[RecoveryView], data: st.DataObject) -> None:
    rows = file_of(*lines).splitlines()
    at = data.draw(st.integers(1, len(rows) - 1))
    header, cells = rows[0].split(","), rows[at].split(",")
    column = header.index(data.draw(st.sampled_from(AMOUNTS)))
    currency = cells[header.index("currency")]
    amount = Money.from_decimal(cells[column], currency)
    changed = Money(amount.amount_minor + data.draw(st.integers(1, 10**6)), currency)
    cells[column] = str(changed.to_decimal())
    rows[at] = ",".join(cells)
    assert check_statement(io.StringIO("\n".join(rows))).faults


@pytest.mark.parametrize("lost", ["line", "total"])
def test_a_row_that_was_cut_out_is_missed(lost: str) -> None:
    rows = file_of(line(), line(recovery_id="778")).splitlines()
    kept = [row for at, row in enumerate(rows) if at != (1 if lost == "line" else len(rows) - 1)]
    assert check_statement(io.StringIO("\n".join(kept))).faults


@pytest.mark.parametrize("cell", ["", "1,5", "NaN", "1e400", "-1.00", "0.001", "=1"])
def test_nonsense_in_a_cell_is_a_fault_and_no_crash(cell: str) -> None:
    rows = file_of(line()).replace("123.45", f'"{cell}"', 1)
    assert check_statement(io.StringIO(rows)).faults


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "\x00"])
def test_what_is_no_statement_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="columns of a statement"):
        check_statement(io.StringIO(text))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "main_api.commands", "check-statement", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={},
    )


def test_the_command_needs_only_the_file(tmp_path: Path) -> None:
    path = tmp_path / "statement.csv"
    path.write_text(file_of(line()), encoding="utf-8")
    good = run(str(path))
    assert (good.returncode, good.stderr) == (0, "")
    assert "fee 24.69 USD" in good.stdout
    assert good.stdout.endswith("1 lines, nothing wrong\n")
    path.write_text(file_of(line()).replace("24.69", "24.70", 1), encoding="utf-8")
    bad = run(str(path))
    assert bad.returncode == 1
    assert "the fee is 2470, not 2469 minor units" in bad.stderr
    assert run(str(tmp_path / "absent.csv")).returncode == 2


def test_periods_name_themselves() -> None:
    assert month_of("2028-02").last == date(2028, 2, 29)
    assert range_of(date(2026, 12, 1), date(2026, 12, 31)).name == "2026-12"
    assert range_of(date(2026, 12, 1), date(2026, 12, 30)).name == "2026-12-01-to-2026-12-30"
