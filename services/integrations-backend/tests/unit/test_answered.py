"""Money paid on our own cases about money settles the claim of the case, and nothing else."""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest
from factories.report_rows import Row, facts, row, sale
from hypothesis import given
from hypothesis import strategies as st

from integrations_backend.detection.answered import answers_of
from integrations_backend.detection.detect import detect
from integrations_backend.detection.facts import Facts, UnitCost
from integrations_backend.detection.findings import Findings
from integrations_backend.reports.kinds import (
    LEDGER,
    REIMBURSEMENTS,
    RETURNS,
    SETTLEMENT,
)

CASE = "1234567890"
SHORT = {"reimbursement_id": "70001", "amount_total": "10.00", "quantity_reimbursed_cash": 1}
CLAIM = "underpaid:70001:X001"
COST = UnitCost(1_500, "usd", date(2026, 1, 1), "invoice-7.pdf")
AS_OF = date(2026, 11, 10)


def paid_on_case(amount: str, units: int = 0, **changes: object) -> Row:
    values = {
        "reimbursement_id": "80001",
        "case_id": CASE,
        "amount_total": amount,
        "quantity_reimbursed_cash": units,
    }
    return row(REIMBURSEMENTS, **(values | changes))


def with_answers(whole: Facts, filed: dict[str, str]) -> Facts:
    answers = answers_of(whole.rows[REIMBURSEMENTS], filed)
    rows = {**whole.rows, REIMBURSEMENTS: answers.others}
    return replace(whole, rows=rows, answers=answers.paid)


def found(*more: Row, filed: dict[str, str], **reports: object) -> Findings:
    rows = {REIMBURSEMENTS: [row(REIMBURSEMENTS, **SHORT), *more], SETTLEMENT: sale(), **reports}
    whole = facts(rows, costs={"SKU-1": (COST,)}, as_of=AS_OF)
    return detect(with_answers(whole, filed))


def underpaid(findings: Findings) -> list[int | None]:
    return [one.value_minor for one in findings.claims if one.claim_type == "underpaid"]


@pytest.mark.parametrize("units", [0, 1])
def test_an_answered_underpayment_is_settled_whatever_its_row_looks_like(units: int) -> None:
    """With units it would be a second payment that was too low, with neither name nor order."""
    answered = found(paid_on_case("5.00", units), filed={CASE: CLAIM})
    assert underpaid(answered) == []
    (loss,) = [one for one in answered.losses if one.claim_type == "underpaid"]
    assert (loss.key, loss.reason, loss.explanation["paid_on_its_case"]) == (CLAIM, "paid", 500)


def test_without_a_case_of_ours_the_claim_stays() -> None:
    assert underpaid(found(paid_on_case("5.00", 1, reason="Other"), filed={})) == [500]


def test_part_of_the_sum_leaves_the_rest() -> None:
    assert underpaid(found(paid_on_case("2.00"), filed={CASE: CLAIM})) == [300]


def test_what_was_taken_back_of_it_is_owed_again_and_is_no_claim_of_its_own() -> None:
    taken = row(
        REIMBURSEMENTS,
        reimbursement_id="80002",
        original_reimbursement_id="80001",
        amount_total="-5.00",
        quantity_reimbursed_cash=0,
    )
    again = found(paid_on_case("5.00"), taken, filed={CASE: CLAIM}, **{LEDGER: [], RETURNS: []})
    assert underpaid(again) == [500]
    assert [one for one in again.claims if one.claim_type == "reversal"] == []


def test_the_money_does_not_answer_another_lost_unit() -> None:
    """The row says Lost_Warehouse and one unit: of two lost, the first payment answers one."""
    ledger = [row(LEDGER, quantity=-2, unreconciled_quantity=2)]
    lost = found(paid_on_case("5.00", 1), filed={CASE: CLAIM}, **{LEDGER: ledger})
    assert [one.quantity for one in lost.claims if one.claim_type == "warehouse_lost"] == [1]
    mistaken = found(paid_on_case("5.00", 1), filed={}, **{LEDGER: ledger})
    assert [one for one in mistaken.claims if one.claim_type == "warehouse_lost"] == []


@given(
    st.lists(
        st.tuples(st.sampled_from(["", CASE, "other"]), st.integers(-500, 500), st.integers(1, 4)),
        max_size=12,
    )
)
def test_no_row_and_no_cent_is_lost(rows: list[tuple[str, int, int]]) -> None:
    frame = pl.DataFrame(
        {
            "case-id": [case for case, _, _ in rows],
            "amount-total": [amount for _, amount, _ in rows],
            "reimbursement-id": [str(place) for place, _ in enumerate(rows)],
            "original-reimbursement-id": [str(number) for _, _, number in rows],
        },
        schema={
            "case-id": pl.String,
            "amount-total": pl.Int64,
            "reimbursement-id": pl.String,
            "original-reimbursement-id": pl.String,
        },
    )
    answers = answers_of(frame, {CASE: CLAIM})
    assert sum(answers.paid.values()) + answers.others["amount-total"].sum() == sum(
        amount for _, amount, _ in rows
    )
    assert CASE not in set(answers.others["case-id"])
    assert answers.others.columns == frame.columns
