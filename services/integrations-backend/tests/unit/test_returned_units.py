"""What came back in the place of what was refunded: the wrong thing, or broken by whom."""

import pytest
from factories.report_rows import Row, facts, refund, row, sale

from integrations_backend.detection.customer_returns import find
from integrations_backend.detection.findings import Findings
from integrations_backend.reports.kinds import LEDGER, REIMBURSEMENTS, RETURNS, SALES, SETTLEMENT

BROKEN = {"detailed_disposition": "CUSTOMER_DAMAGED", "license_plate_number": "LPN1"}


def moved(units: int, state: str, day: str = "09/03/2026", **changes: object) -> list[Row]:
    values = {"date": day, "unreconciled_quantity": 0, **changes}
    out = row(LEDGER, reason="Q", quantity=-units, disposition="CUSTOMER_DAMAGED", **values)
    return [out, row(LEDGER, reason="P", quantity=units, disposition=state, **values)]


def detect(
    *returned: Row,
    ledger: list[Row] | None = None,
    sales: list[Row] | None = None,
    settlement: list[Row] | None = None,
) -> Findings:
    given = {
        SETTLEMENT: settlement or [*sale(), refund()],
        RETURNS: list(returned),
        REIMBURSEMENTS: [],
        LEDGER: ledger or [],
        SALES: sales if sales is not None else [row(SALES)],
    }
    return find(facts(given))


def outcome(findings: Findings) -> list[str]:
    return [
        *(str(one.explanation.get("proof", "claim")) for one in findings.claims),
        *(one.reason for one in findings.losses),
    ]


@pytest.mark.parametrize("state", ["WAREHOUSE_DAMAGED", "CARRIER_DAMAGED", "DISTRIBUTOR_DAMAGED"])
def test_a_return_that_the_ledger_later_takes_on_amazon_is_claimed(state: str) -> None:
    (claim,) = detect(row(RETURNS, **BROKEN), ledger=moved(1, state)).claims
    assert (claim.order_id, claim.quantity, claim.value_minor) == ("112-1", 1, 1_250)
    assert claim.confidence == 0.75
    assert claim.explanation["license_plate"] == "LPN1"
    assert claim.explanation["because"] == (
        f"the ledger moved 1 of 1 such units to {state} on 2026-09-03"
    )


@pytest.mark.parametrize(
    "ledger",
    [
        moved(1, "SELLABLE"),
        moved(1, "DEFECTIVE"),
        moved(1, "WAREHOUSE_DAMAGED", fulfillment_center="TEB9"),
        moved(1, "WAREHOUSE_DAMAGED", fnsku="X002"),
        moved(1, "WAREHOUSE_DAMAGED", day="08/31/2026"),
        moved(1, "WAREHOUSE_DAMAGED", day="10/02/2026"),
        moved(1, "WAREHOUSE_DAMAGED")[1:],
        [],
    ],
)
def test_nothing_else_in_the_ledger_makes_it_amazons(ledger: list[Row]) -> None:
    assert outcome(detect(row(RETURNS, **BROKEN), ledger=ledger)) == ["returned"]


def test_where_the_ledger_does_not_tell_which_unit_it_moved_nothing_is_claimed() -> None:
    other = row(RETURNS, **BROKEN, order_id="112-7")
    findings = detect(row(RETURNS, **BROKEN), other, ledger=moved(1, "WAREHOUSE_DAMAGED"))
    assert outcome(findings) == ["rebooked_unclear"]
    assert "1 of 2 such units" in str(findings.losses[0].explanation["because"])
    both = detect(row(RETURNS, **BROKEN), other, ledger=moved(2, "WAREHOUSE_DAMAGED"))
    assert outcome(both) == ["rebooked"]


def test_another_product_that_the_order_did_not_hold_is_a_wrong_item() -> None:
    findings = detect(row(RETURNS, sku="SKU-2", fnsku="X002"))
    assert outcome(findings) == ["wrong_item"]
    (claim,) = findings.claims
    assert (claim.sku, claim.fnsku) == ("SKU-1", "X001")
    assert (claim.explanation["returned_sku"], claim.explanation["returned_fnsku"]) == (
        "SKU-2",
        "X002",
    )


def test_another_product_of_the_same_order_is_its_own_return() -> None:
    held = [row(SALES), row(SALES, sku="SKU-2", fnsku="X002")]
    assert outcome(detect(row(RETURNS, sku="SKU-2", fnsku="X002"), sales=held)) == ["claim"]


def test_a_label_that_is_another_products_is_a_wrong_item() -> None:
    """By the shipments of the other product, or by its rows in the ledger."""
    mixed = row(RETURNS, fnsku="X002")
    sold = [row(SALES), row(SALES, sku="SKU-2", fnsku="X002", amazon_order_id="112-9")]
    assert outcome(detect(mixed, sales=sold)) == ["wrong_item"]
    known = [row(LEDGER, fnsku="X002", msku="SKU-2", event_type="Receipts", reason="")]
    (claim,) = detect(mixed, ledger=known).claims
    assert claim.explanation["because"] == "X002 is the label of SKU-2"


def test_a_label_of_nobody_proves_nothing_and_says_so() -> None:
    findings = detect(row(RETURNS, fnsku="X009"))
    assert outcome(findings) == ["other_label"]
    assert "no report tells" in str(findings.losses[0].explanation["because"])


def test_a_product_with_two_labels_is_itself() -> None:
    sold = [row(SALES), row(SALES, fnsku="X002", amazon_order_id="112-9")]
    assert outcome(detect(row(RETURNS, fnsku="X002"), sales=sold)) == ["other_label"]


def test_where_no_shipment_shows_the_label_that_was_sent_a_return_is_a_return() -> None:
    assert outcome(detect(row(RETURNS, fnsku="X002"), sales=[])) == ["returned"]
