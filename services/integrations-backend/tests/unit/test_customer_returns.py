"""Refunded or replaced units that never came back, or came back broken through Amazon's fault."""

from datetime import date, timedelta

import pytest
from factories.report_rows import GB, TODAY, Row, facts, refund, row, sale

from integrations_backend.detection.customer_returns import find
from integrations_backend.detection.findings import Findings
from integrations_backend.reports.kinds import (
    REIMBURSEMENTS,
    REPLACEMENTS,
    RETURNS,
    SALES,
    SETTLEMENT,
)

READ: dict[str, list[Row]] = {SETTLEMENT: [*sale(), refund()], RETURNS: [], REIMBURSEMENTS: []}


def detect(**options: object) -> Findings:
    names = {
        "settlement": SETTLEMENT,
        "returns": RETURNS,
        "payments": REIMBURSEMENTS,
        "replacements": REPLACEMENTS,
        "sales": SALES,
    }
    given = {names[name]: rows for name, rows in options.items() if name in names}
    rest = {name: value for name, value in options.items() if name not in names}
    return find(facts(READ | given, **rest))


def paid(**changes: object) -> Row:
    values = {"reason": "CustomerReturn", "amazon_order_id": "112-1"}
    return row(REIMBURSEMENTS, **(values | changes))


def reasons(findings: Findings) -> list[str]:
    return [one.reason for one in findings.losses]


def test_a_refund_without_a_return_is_claimed_at_the_sale_price_less_fees() -> None:
    (claim,) = detect().claims
    assert (claim.order_id, claim.sku, claim.quantity) == ("112-1", "SKU-1", 1)
    assert claim.value_minor == 2_000 - 300 - 450
    assert (claim.opens, claim.deadline) == (date(2026, 10, 19), date(2026, 12, 18))


def test_the_value_of_one_unit_is_its_share_of_the_sold_units() -> None:
    two = sale(quantity_purchased="2")
    (claim,) = detect(settlement=[*two, refund()]).claims
    assert claim.value_minor == 1_250 // 2


def test_a_sale_in_no_file_has_an_unknown_value() -> None:
    (claim,) = detect(settlement=[refund()]).claims
    assert claim.value_minor is None
    assert "value unknown" in claim.explanation["arithmetic"]


@pytest.mark.parametrize(
    ("days_ago", "outcome"),
    [(59, "still_waiting"), (60, "claim"), (120, "claim"), (121, "window_expired")],
)
def test_the_american_window_is_day_60_to_120(days_ago: int, outcome: str) -> None:
    findings = detect(settlement=[refund(posted_date=_moment(days_ago))])
    assert reasons(findings) == ([] if outcome == "claim" else [outcome])
    assert len(findings.claims) == (outcome == "claim")


@pytest.mark.parametrize(
    ("days_ago", "outcome"),
    [(44, "still_waiting"), (45, "claim"), (105, "claim"), (106, "window_expired")],
)
def test_the_british_window_is_day_45_to_105(days_ago: int, outcome: str) -> None:
    findings = detect(settlement=[refund(posted_date=_moment(days_ago))], store=GB)
    assert reasons(findings) == ([] if outcome == "claim" else [outcome])


def _moment(days_ago: int) -> str:
    return f"{TODAY - timedelta(days=days_ago)}T10:00:00+00:00"


def test_a_returned_unit_is_not_claimed() -> None:
    assert reasons(detect(returns=[row(RETURNS)])) == ["returned"]


@pytest.mark.parametrize("disposition", ["CUSTOMER_DAMAGED", "DEFECTIVE", "SELLABLE"])
def test_what_the_customer_broke_is_not_amazons_fault(disposition: str) -> None:
    findings = detect(returns=[row(RETURNS, detailed_disposition=disposition)])
    assert (findings.claims, reasons(findings)) == ([], ["returned"])


@pytest.mark.parametrize(
    "disposition", ["CARRIER_DAMAGED", "WAREHOUSE_DAMAGED", "DISTRIBUTOR_DAMAGED"]
)
def test_what_amazon_broke_on_the_way_back_is_claimed(disposition: str) -> None:
    (claim,) = detect(returns=[row(RETURNS, detailed_disposition=disposition)]).claims
    assert claim.explanation["returned_as"] == disposition


@pytest.mark.parametrize("changes", [{"order_id": "112-2"}, {"sku": "SKU-2"}])
def test_a_return_of_something_else_answers_nothing(changes: dict[str, object]) -> None:
    assert len(detect(returns=[row(RETURNS, **changes)]).claims) == 1


@pytest.mark.parametrize(
    "changes",
    [{}, {"quantity_reimbursed_cash": 0, "quantity_reimbursed_inventory": 1}],
)
def test_a_paid_order_is_not_claimed_again(changes: dict[str, object]) -> None:
    assert reasons(detect(payments=[paid(**changes)])) == ["paid"]


def test_a_payment_that_names_another_order_answers_nothing() -> None:
    assert len(detect(payments=[paid(amazon_order_id="112-2")]).claims) == 1


@pytest.mark.parametrize("kind", ["REVERSAL_REIMBURSEMENT", "WAREHOUSE_LOST", "WAREHOUSE_DAMAGE"])
def test_a_payment_booked_in_a_settlement_answers_the_order(kind: str) -> None:
    booked = row(
        SETTLEMENT,
        transaction_type=kind,
        adjustment_id="adj-112-1",
        other_amount="12.50",
        quantity_purchased="1",
    )
    assert reasons(detect(settlement=[*sale(), refund(), booked])) == ["paid"]


def test_a_payment_in_both_reports_answers_one_unit() -> None:
    booked = row(SETTLEMENT, transaction_type="REVERSAL_REIMBURSEMENT", other_amount="12.50")
    two = [refund(adjustment_id="a1"), refund(adjustment_id="a2")]
    findings = detect(settlement=[*sale(), *two, booked], payments=[paid()])
    assert (len(findings.claims), reasons(findings)) == (1, ["paid"])


def test_a_refund_of_tax_or_shipping_alone_lost_no_unit() -> None:
    findings = detect(settlement=[refund(price_type="Shipping", price_amount="-4.99")])
    assert (findings.claims, findings.losses) == ([], [])


def test_the_rows_of_one_refund_are_one_unit() -> None:
    rows = [refund(), refund(price_type="Tax", price_amount="-1.60")]
    assert len(detect(settlement=[*sale(), *rows]).claims) == 1


def test_a_replacement_without_a_return_is_claimed() -> None:
    (claim,) = detect(settlement=sale(), replacements=[row(REPLACEMENTS)]).claims
    assert (claim.reference_id, claim.order_id, claim.value_minor) == ("112-9", "112-1", 1_250)


def test_a_replacement_shipped_in_parts_is_one_loss_each() -> None:
    parts = [row(REPLACEMENTS), row(REPLACEMENTS), row(REPLACEMENTS, quantity="2")]
    claims = detect(settlement=sale(), replacements=parts).claims
    assert sum(one.quantity for one in claims) == 4
    assert len({one.key for one in claims}) == len(claims)


def test_the_fnsku_is_that_of_the_shipment() -> None:
    (claim,) = detect(sales=[row(SALES, fnsku="X777")]).claims
    assert claim.fnsku == "X777"


@pytest.mark.parametrize("missing", [SETTLEMENT, RETURNS, REIMBURSEMENTS])
def test_nothing_is_claimed_while_a_report_was_not_read(missing: str) -> None:
    reports = {name: rows for name, rows in READ.items() if name != missing}
    assert find(facts(reports)).claims == []
