"""Removal orders of which fewer units were sent than left the stock."""

from datetime import date, timedelta

import pytest
from factories.report_rows import TODAY, Row, facts, row

from integrations_backend.detection.findings import Findings
from integrations_backend.detection.removals import find
from integrations_backend.reports.kinds import (
    LEDGER,
    REIMBURSEMENTS,
    REMOVAL_ORDERS,
    REMOVAL_SHIPMENTS,
)

READ: dict[str, list[Row]] = {
    REMOVAL_ORDERS: [row(REMOVAL_ORDERS)],
    REMOVAL_SHIPMENTS: [row(REMOVAL_SHIPMENTS)],
    LEDGER: [],
    REIMBURSEMENTS: [],
}


def detect(
    orders: list[Row] | None = None, parcels: list[Row] | None = None, paid: list[Row] | None = None
) -> Findings:
    given = {REMOVAL_ORDERS: orders, REMOVAL_SHIPMENTS: parcels, REIMBURSEMENTS: paid}
    return find(facts(READ | {name: rows for name, rows in given.items() if rows is not None}))


def order(**changes: object) -> Row:
    return row(REMOVAL_ORDERS, **changes)


def parcel(**changes: object) -> Row:
    return row(REMOVAL_SHIPMENTS, **changes)


def payment(**changes: object) -> Row:
    values = {"reason": "Lost_Outbound", "amazon_order_id": "RM-1"}
    return row(REIMBURSEMENTS, **(values | changes))


def units(findings: Findings) -> int:
    return sum(one.quantity for one in findings.claims)


def test_units_in_no_parcel_are_claimed() -> None:
    (claim,) = detect().claims
    assert (claim.order_id, claim.quantity, claim.value_minor) == ("RM-1", 2, None)
    assert (claim.opens, claim.deadline) == (date(2026, 10, 16), date(2026, 12, 15))
    assert claim.explanation["arithmetic"] == "2 in no parcel - 0 paid = 2 open"


def test_several_parcels_count_together_from_the_last_one() -> None:
    later = parcel(shipment_date="2026-10-08T10:00:00+00:00", shipped_quantity="1")
    (claim,) = detect(parcels=[parcel(), later]).claims
    assert (claim.quantity, claim.event_date) == (1, date(2026, 10, 8))


@pytest.mark.parametrize("sent", [5, 6])
def test_an_order_that_was_sent_in_full_lost_nothing(sent: int) -> None:
    assert detect(parcels=[parcel(shipped_quantity=sent)]).claims == []


@pytest.mark.parametrize(
    ("days_ago", "outcome"),
    [(14, "still_waiting"), (15, "claim"), (75, "claim"), (76, "window_expired")],
)
def test_the_window_is_day_15_to_75_after_the_last_parcel(days_ago: int, outcome: str) -> None:
    day = f"{TODAY - timedelta(days=days_ago)}T10:00:00+00:00"
    findings = detect(parcels=[parcel(shipment_date=day)])
    assert [one.reason for one in findings.losses] == ([] if outcome == "claim" else [outcome])
    assert units(findings) == (2 if outcome == "claim" else 0)


@pytest.mark.parametrize(("paid_units", "open_units"), [(1, 1), (2, 0), (3, 0)])
def test_paid_units_are_taken_off(paid_units: int, open_units: int) -> None:
    findings = detect(paid=[payment(quantity_reimbursed_cash=paid_units)])
    assert units(findings) == open_units
    assert [(one.reason, one.quantity) for one in findings.losses] == [("paid", 2 - open_units)]


@pytest.mark.parametrize("changes", [{"amazon_order_id": "RM-2"}, {"fnsku": "X002"}])
def test_a_payment_for_something_else_answers_nothing(changes: dict[str, object]) -> None:
    assert units(detect(paid=[payment(**changes)])) == 2


def test_an_order_that_is_still_worked_on_waits() -> None:
    assert detect(orders=[order(in_process_quantity=1)]).claims == []


def test_an_order_without_any_parcel_waits_for_the_shipment_report() -> None:
    assert detect(parcels=[]).claims == []


def test_two_dispositions_of_one_item_share_its_parcels_and_payments() -> None:
    orders = [order(), order(disposition="Unsellable", shipped_quantity=3)]
    parcels = [parcel(), parcel(disposition="Unsellable", shipped_quantity=3)]
    assert units(detect(orders, parcels)) == 2
    assert units(detect(orders, parcels, [payment()])) == 1
    both_short = [parcel(), parcel(disposition="Unsellable", shipped_quantity=1)]
    assert units(detect(orders, both_short)) == 4
    assert units(detect(orders, both_short, [payment(quantity_reimbursed_cash=2)])) == 2


def test_lines_of_one_order_that_differ_only_in_what_was_asked_are_one_loss() -> None:
    findings = detect([order(), order(requested_quantity=7, shipped_quantity=1)])
    assert units(findings) == 3
    assert len(findings.claims) == 1


@pytest.mark.parametrize("missing", list(READ))
def test_nothing_is_claimed_while_a_report_was_not_read(missing: str) -> None:
    reports = {name: rows for name, rows in READ.items() if name != missing}
    assert find(facts(reports)).claims == []
