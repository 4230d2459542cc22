"""Payments that Amazon took back although the unit was neither found nor returned."""

from datetime import date, timedelta

import pytest
from factories.report_rows import Row, facts, refund, row, sale

from integrations_backend.detection.detect import detect as detect_all
from integrations_backend.detection.findings import Findings
from integrations_backend.detection.reversals import find
from integrations_backend.reports.kinds import (
    LEDGER,
    REIMBURSEMENTS,
    REMOVAL_SHIPMENTS,
    RETURNS,
    SETTLEMENT,
)

TAKEN_ON = date(2026, 10, 20)


def paid(**changes: object) -> Row:
    values = {"reimbursement_id": "60001", "approval_date": "2026-09-20T10:00:00+00:00"}
    return row(REIMBURSEMENTS, **(values | changes))


def taken(**changes: object) -> Row:
    values = {
        "reimbursement_id": "70001",
        "original_reimbursement_id": "60001",
        "reason": "Reimbursement_Reversal",
        "quantity_reimbursed_cash": -1,
        "amount_total": "-12.34",
    }
    return row(REIMBURSEMENTS, **(values | changes))


def found(**changes: object) -> Row:
    values = {
        "reason": "F",
        "quantity": 1,
        "date": "10/10/2026",
        "unreconciled_quantity": 0,
    }
    return row(LEDGER, **(values | changes))


def detect(
    *payments: Row,
    ledger: tuple[Row, ...] = (),
    returns: tuple[Row, ...] = (),
    parcels: tuple[Row, ...] | None = None,
    as_of: date = date(2026, 11, 21),
) -> Findings:
    given = {REIMBURSEMENTS: payments, LEDGER: ledger, RETURNS: returns}
    if parcels is not None:
        given[REMOVAL_SHIPMENTS] = parcels
    return find(facts(given, as_of=as_of))


def owed(findings: Findings) -> list[tuple[str, int, int | None]]:
    return [(one.reference_id, one.quantity, one.value_minor) for one in findings.claims]


def told(findings: Findings) -> list[tuple[str, int]]:
    return [(one.reason, one.quantity) for one in findings.losses]


def test_a_payment_taken_back_without_a_find_is_claimed_and_says_that_a_person_must_look() -> None:
    (claim,) = detect(paid(), taken()).claims
    assert (claim.claim_type, claim.fnsku, claim.reference_id) == ("reversal", "X001", "70001")
    assert (claim.quantity, claim.value_minor) == (1, 1_234)
    assert (claim.opens, claim.deadline) == (
        TAKEN_ON + timedelta(days=5),
        TAKEN_ON + timedelta(days=60),
    )
    assert claim.confidence == 0.6
    assert "look at the case" in claim.explanation["confidence_because"]


def test_a_find_between_payment_and_reversal_is_the_reason() -> None:
    findings = detect(paid(), taken(), ledger=(found(),))
    assert (owed(findings), told(findings)) == ([], [("found", 1)])


@pytest.mark.parametrize(
    "changes",
    [
        {"date": "09/19/2026"},
        {"date": "10/26/2026"},
        {"fnsku": "X002"},
        {"reason": "M", "quantity": -1},
        {"reason": "P"},
    ],
)
def test_another_event_is_no_reason(changes: dict[str, object]) -> None:
    assert len(owed(detect(paid(), taken(), ledger=(found(**changes),)))) == 1


def test_a_find_excuses_one_reversal() -> None:
    second = taken(reimbursement_id="70002", original_reimbursement_id="60002")
    also_paid = paid(reimbursement_id="60002")
    findings = detect(paid(), also_paid, taken(), second, ledger=(found(),))
    assert (owed(findings), told(findings)) == ([("70002", 1, 1_234)], [("found", 1)])


def test_of_several_units_those_that_were_found_are_taken_off() -> None:
    three = taken(quantity_reimbursed_cash=-3, amount_total="-37.02")
    findings = detect(paid(quantity_reimbursed_cash=3), three, ledger=(found(quantity=2),))
    assert (owed(findings), told(findings)) == ([("70001", 1, 1_234)], [("found", 2)])


def test_of_an_order_the_return_is_the_reason() -> None:
    order = {"amazon_order_id": "112-1"}
    back = row(RETURNS, return_date="2026-10-01T10:00:00+00:00")
    whole = detect(paid(**order), taken(**order), returns=(back,))
    assert (owed(whole), told(whole)) == ([], [("found", 1)])
    other = row(RETURNS, order_id="112-2", return_date="2026-10-01T10:00:00+00:00")
    assert len(owed(detect(paid(**order), taken(**order), returns=(other,)))) == 1
    in_the_centre = detect(paid(**order), taken(**order), ledger=(found(),))
    assert len(owed(in_the_centre)) == 1, "a find in the centre is not the buyer's unit"


def test_the_reversal_may_leave_the_order_to_the_payment_that_it_names() -> None:
    (claim,) = detect(paid(amazon_order_id="112-1"), taken(), ledger=(found(),)).claims
    assert claim.order_id == "112-1"


def test_late_receipts_and_parcels_are_reasons_too() -> None:
    shipment = {"amazon_order_id": "FBA1"}
    late = found(event_type="Receipts", reason="", reference_id="FBA1")
    assert owed(detect(paid(**shipment), taken(**shipment), ledger=(late,))) == []
    removal = {"amazon_order_id": "RM-1"}
    parcel = row(REMOVAL_SHIPMENTS, shipped_quantity=1)
    assert owed(detect(paid(**removal), taken(**removal), parcels=(parcel,))) == []


def test_an_order_that_was_paid_again_is_settled() -> None:
    order = {"amazon_order_id": "112-1"}
    again = paid(reimbursement_id="80001", approval_date="2026-11-01T10:00:00+00:00", **order)
    findings = detect(paid(**order), taken(**order), again)
    assert (owed(findings), told(findings)) == ([], [("paid", 1)])


def test_an_unknown_payment_taken_back_is_less_certain() -> None:
    (claim,) = detect(taken()).claims
    assert claim.confidence == 0.3


def test_units_without_money_are_not_claimed_here() -> None:
    assert detect(paid(), taken(amount_total="0.00")).claims == []


@pytest.mark.parametrize(
    ("days", "outcome"),
    [(4, ["still_waiting"]), (5, []), (60, []), (61, ["window_expired"])],
)
def test_the_window_is_day_5_to_60(days: int, outcome: list[str]) -> None:
    findings = detect(paid(), taken(), as_of=TAKEN_ON + timedelta(days=days))
    assert [one.reason for one in findings.losses] == outcome
    assert bool(findings.claims) == (not outcome)


def test_a_lost_return_whose_payment_was_taken_back_is_owed_once() -> None:
    """The refund is in its window, and so is the reversal: one unit, one claim."""
    order = {"amazon_order_id": "112-1", "reason": "CustomerReturn"}
    given = {
        REIMBURSEMENTS: [paid(**order, amount_total="12.50"), taken(amazon_order_id="112-1")],
        LEDGER: [],
        RETURNS: [],
        SETTLEMENT: [*sale(), refund()],
    }
    claims = detect_all(facts(given)).claims
    assert [one.claim_type for one in claims] == ["reversal"]


def test_a_lost_unit_whose_payment_was_taken_back_is_owed_once() -> None:
    lost = row(LEDGER, date="10/01/2026", reconciled_quantity=0, unreconciled_quantity=1)
    given = {
        REIMBURSEMENTS: [paid(approval_date="2026-10-03T10:00:00+00:00"), taken()],
        LEDGER: [lost],
        RETURNS: [],
    }
    claims = detect_all(facts(given)).claims
    assert [one.claim_type for one in claims] == ["reversal"]


@pytest.mark.parametrize("missing", [REIMBURSEMENTS, LEDGER, RETURNS])
def test_nothing_is_claimed_while_a_report_was_not_read(missing: str) -> None:
    reports: dict[str, list[Row]] = {REIMBURSEMENTS: [paid(), taken()], LEDGER: [], RETURNS: []}
    del reports[missing]
    assert find(facts(reports)).claims == []
