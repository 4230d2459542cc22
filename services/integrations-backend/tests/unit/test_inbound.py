"""Shipments to Amazon of which fewer units were received than sent."""

from datetime import date

import pytest
from factories.report_rows import GB, Row, facts, row

from integrations_backend.detection.detect import detect as detect_all
from integrations_backend.detection.findings import Findings
from integrations_backend.detection.inbound import find
from integrations_backend.reports.kinds import INBOUND, LEDGER, REIMBURSEMENTS
from integrations_backend.reports.marketplaces import marketplace

INDIA = marketplace("A21TJRUUN4KGV")


def short(**changes: object) -> Row:
    return row(INBOUND, **changes)


def receipt(**changes: object) -> Row:
    values = {
        "event_type": "Receipts",
        "reference_id": "FBA1",
        "date": "08/10/2026",
        "quantity": 7,
        "reason": "",
        "unreconciled_quantity": 0,
    }
    return row(LEDGER, **(values | changes))


def paid(**changes: object) -> Row:
    values = {
        "reason": "Lost_Inbound",
        "amazon_order_id": "FBA1",
        "quantity_reimbursed_cash": 3,
        "approval_date": "2026-09-10T10:00:00+00:00",
    }
    return row(REIMBURSEMENTS, **(values | changes))


def detect(
    *lines: Row, ledger: tuple[Row, ...] = (receipt(),), payments: tuple[Row, ...] = ()
) -> Findings:
    return find(facts({INBOUND: lines, LEDGER: ledger, REIMBURSEMENTS: payments}))


def claimed(findings: Findings) -> list[tuple[str, int]]:
    return [(one.reference_id, one.quantity) for one in findings.claims]


def not_claimed(findings: Findings) -> list[tuple[str, int]]:
    return [(one.reason, one.quantity) for one in findings.losses]


def test_units_that_were_not_received_are_claimed_and_explained() -> None:
    (claim,) = detect(short()).claims
    assert (claim.claim_type, claim.fnsku, claim.sku) == ("inbound_shortage", "X001", "SKU-1")
    assert (claim.quantity, claim.reference_id, claim.value_minor) == (3, "FBA1", None)
    assert (claim.event_date, claim.deadline) == (date(2026, 8, 10), date(2027, 5, 10))
    assert claim.explanation["arithmetic"] == (
        "10 shipped - 7 received - 0 found later - 0 lost in the centre - 0 paid = 3 open"
    )
    assert claim.explanation["report_lines"] == [2]
    assert "proof of delivery" in claim.explanation["evidence"]


def test_a_shipment_that_was_received_whole_or_over_is_no_loss() -> None:
    for counted in (10, 11):
        findings = detect(short(received_quantity=counted))
        assert (findings.claims, findings.losses) == ([], [])


def test_units_that_the_ledger_receives_later_are_taken_off() -> None:
    findings = detect(short(), ledger=(receipt(), receipt(date="09/01/2026", quantity=2)))
    assert claimed(findings) == [("FBA1", 1)]
    assert not_claimed(findings) == [("found", 2)]
    whole = detect(short(), ledger=(receipt(quantity=12),))
    assert (claimed(whole), not_claimed(whole)) == ([], [("found", 3)])


def test_receipts_that_amazon_takes_back_are_not_counted() -> None:
    corrected = (receipt(quantity=10), receipt(date="08/12/2026", quantity=-3))
    assert claimed(detect(short(), ledger=corrected)) == [("FBA1", 3)]


def test_receipts_of_another_item_or_shipment_are_not_of_this_one() -> None:
    others = (receipt(), receipt(fnsku="X002"), receipt(reference_id="FBA2"))
    assert claimed(detect(short(), ledger=others)) == [("FBA1", 3)]


def test_a_payment_for_the_shipment_answers_it() -> None:
    findings = detect(short(), payments=(paid(),))
    assert (claimed(findings), not_claimed(findings)) == ([], [("paid", 3)])
    part = detect(short(), payments=(paid(quantity_reimbursed_cash=1),))
    assert (claimed(part), not_claimed(part)) == ([("FBA1", 2)], [("paid", 1)])


def test_a_payment_that_names_no_shipment_answers_the_oldest_of_its_item() -> None:
    lines = (short(), short(fba_shipment_id="FBA0"))
    ledger = (receipt(), receipt(reference_id="FBA0", date="07/01/2026"))
    unnamed = paid(amazon_order_id="", quantity_reimbursed_cash=4)
    assert claimed(detect(*lines, ledger=ledger, payments=(unnamed,))) == [("FBA1", 2)]


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": "Lost_Warehouse"},
        {"fnsku": "X002"},
        {"amazon_order_id": "FBA2"},
        {"original_reimbursement_id": "69999"},
        {"amazon_order_id": "", "approval_date": "2026-08-09T10:00:00+00:00"},
    ],
)
def test_a_payment_for_something_else_answers_nothing(changes: dict[str, object]) -> None:
    assert claimed(detect(short(), payments=(paid(**changes),))) == [("FBA1", 3)]


def test_units_that_the_ledger_lost_at_receipt_are_owed_once() -> None:
    """The ledger's row belongs to the warehouse's rule, whoever looks at it first."""
    lost = row(LEDGER, reference_id="FBA1", quantity=-2, unreconciled_quantity=2)
    given = {INBOUND: [short()], LEDGER: [receipt(), lost], REIMBURSEMENTS: []}
    found = detect_all(facts(given))
    units = sorted((one.claim_type, one.quantity) for one in found.claims)
    assert units == [("inbound_shortage", 1), ("warehouse_lost", 2)]
    assert ("owed_as_warehouse_loss", 2) in not_claimed(found)


def test_several_problems_of_a_carton_are_the_same_units_and_cartons_add_up() -> None:
    again = short(problem_type="Label missing")
    assert claimed(detect(short(), again)) == [("FBA1", 3)]
    second = short(fba_carton_id="C2", expected_quantity=4, received_quantity=3)
    assert claimed(detect(short(fba_carton_id="C1"), second)) == [("FBA1", 4)]


def test_without_a_receipt_the_day_of_the_report_counts_and_the_claim_says_so() -> None:
    (claim,) = detect(short(received_quantity=0), ledger=()).claims
    assert (claim.quantity, claim.event_date, claim.confidence) == (10, date(2026, 8, 10), 0.7)
    assert "no receipt" in claim.explanation["confidence_because"]


@pytest.mark.parametrize(
    ("store", "written", "outcome"),
    [
        (GB, "21/05/2026", "claim"),
        (GB, "20/05/2026", "window_expired"),
        (INDIA, "22/09/2026", "claim"),
        (INDIA, "21/09/2026", "window_expired"),
        (INDIA, "06/11/2026", "claim"),
        (INDIA, "07/11/2026", "still_waiting"),
    ],
)
def test_windows_differ_by_country(store: object, written: str, outcome: str) -> None:
    given = {INBOUND: [short()], LEDGER: [receipt(date=written)], REIMBURSEMENTS: []}
    findings = find(facts(given, store=store))  # type: ignore[arg-type]
    assert len(findings.claims) == (outcome == "claim")
    assert not_claimed(findings) == ([] if outcome == "claim" else [(outcome, 3)])


def test_the_american_window_is_nine_calendar_months() -> None:
    ledger = (receipt(date="02/21/2026"),)
    assert claimed(detect(short(), ledger=ledger)) == [("FBA1", 3)]
    late = detect(short(), ledger=(receipt(date="02/20/2026"),))
    assert not_claimed(late) == [("window_expired", 3)]


@pytest.mark.parametrize("missing", [INBOUND, LEDGER, REIMBURSEMENTS])
def test_nothing_is_claimed_while_a_report_was_not_read(missing: str) -> None:
    reports: dict[str, list[Row]] = {
        INBOUND: [short()],
        LEDGER: [receipt()],
        REIMBURSEMENTS: [],
    }
    del reports[missing]
    assert find(facts(reports)).claims == []
