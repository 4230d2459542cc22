"""Payments below what the dated valuation says that a unit is worth."""

from datetime import date, timedelta

import pytest
from factories.report_rows import Row, facts, row, sale

from integrations_backend.detection.facts import UnitCost
from integrations_backend.detection.findings import Findings
from integrations_backend.detection.underpaid import find
from integrations_backend.reports.kinds import REIMBURSEMENTS, SETTLEMENT

COST = UnitCost(1_500, "usd", date(2026, 1, 1), "invoice-7.pdf")
PAID_ON = date(2026, 10, 20)


def paid(amount: str = "12.34", *, units: int = 1, **changes: object) -> Row:
    total = f"{float(amount) * units:.2f}"
    values = {
        "amount_per_unit": amount,
        "amount_total": total,
        "quantity_reimbursed_cash": units,
    }
    return row(REIMBURSEMENTS, **(values | changes))


def for_return(amount: str, **changes: object) -> Row:
    return paid(amount, reason="CustomerReturn", amazon_order_id="112-1", **changes)


def top_up(amount: str, **changes: object) -> Row:
    values = {"reimbursement_id": "70002", "quantity_reimbursed_cash": 0, "amount_total": amount}
    return row(REIMBURSEMENTS, **(values | changes))


def detect(
    *payments: Row, costs: tuple[UnitCost, ...] = (COST,), as_of: date = date(2026, 11, 21)
) -> Findings:
    given = {REIMBURSEMENTS: payments, SETTLEMENT: sale()}
    return find(facts(given, costs={"SKU-1": costs} if costs else {}, as_of=as_of))


def owed(findings: Findings) -> list[tuple[str, int, int | None]]:
    return [(one.reference_id, one.quantity, one.value_minor) for one in findings.claims]


def reasons(findings: Findings) -> list[str]:
    return [one.reason for one in findings.losses]


def test_a_payment_below_the_units_cost_is_claimed_and_explained() -> None:
    (claim,) = detect(paid(units=2)).claims
    assert (claim.claim_type, claim.fnsku, claim.quantity) == ("underpaid", "X001", 2)
    assert claim.value_minor == 2 * (1_500 - 1_234)
    assert (claim.event_date, claim.deadline) == (PAID_ON, PAID_ON + timedelta(days=60))
    assert claim.explanation["arithmetic"] == (
        "2 x 1500 (unit cost by invoice-7.pdf) - 2468 paid - 0 topped up = 532"
    )


def test_without_a_cost_document_nothing_is_said() -> None:
    findings = detect(paid(), costs=())
    assert (findings.claims, findings.losses) == ([], [])


@pytest.mark.parametrize("reason", ["Lost_Warehouse", "Damaged_Warehouse", "Lost_Outbound"])
def test_every_payment_for_lost_stock_is_valued_at_cost(reason: str) -> None:
    assert len(detect(paid(reason=reason)).claims) == 1


def test_a_payment_for_something_unknown_is_not_valued() -> None:
    assert detect(paid(reason="GeneralAdjustment")).claims == []


def test_the_cost_in_force_on_the_day_of_the_payment_counts() -> None:
    later = UnitCost(9_000, "usd", date(2026, 10, 21), "new.pdf")
    older = UnitCost(500, "usd", date(2025, 1, 1), "old.pdf")
    assert owed(detect(paid(), costs=(later, COST, older))) == [("70001", 1, 266)]
    assert detect(paid(), costs=(later,)).claims == []


def test_a_cost_in_another_currency_is_not_compared() -> None:
    euros = UnitCost(1_500, "eur", date(2026, 1, 1), "invoice.pdf")
    assert detect(paid(), costs=(euros,)).claims == []


@pytest.mark.parametrize("amount", ["15.00", "14.90", "20.00"])
def test_the_worth_or_more_or_a_trifle_less_is_no_loss(amount: str) -> None:
    findings = detect(paid(amount))
    assert (findings.claims, findings.losses) == ([], [])


def test_a_lost_return_is_worth_the_sale_less_fees() -> None:
    assert owed(detect(for_return("10.00"))) == [("70001", 1, 250)]
    assert detect(for_return("12.50")).claims == []


def test_a_payment_of_an_unknown_sale_is_not_valued() -> None:
    assert detect(for_return("1.00") | {"amazon-order-id": "112-404"}).claims == []


@pytest.mark.parametrize(
    "how",
    [
        {"original_reimbursement_id": "70001"},
        {"amazon_order_id": "112-1", "sku": "SKU-1"},
    ],
)
def test_money_that_came_later_counts(how: dict[str, object]) -> None:
    whole = detect(for_return("10.00"), top_up("2.50", **how))
    assert (whole.claims, reasons(whole)) == ([], ["paid"])
    part = detect(for_return("10.00"), top_up("1.00", **how))
    assert owed(part) == [("70001", 1, 150)]


def test_a_top_up_counts_once() -> None:
    second = for_return("10.00", reimbursement_id="70009")
    given = detect(for_return("10.00"), second, top_up("2.50", amazon_order_id="112-1"))
    assert len(given.claims) == 1


def test_several_rows_of_one_reimbursement_are_one_payment() -> None:
    assert owed(detect(paid(units=1), paid(units=2))) == [("70001", 3, 3 * 266)]


def test_a_payment_that_was_taken_back_is_judged_elsewhere() -> None:
    taken = paid("-12.34", reimbursement_id="70008", original_reimbursement_id="70001", units=1)
    findings = detect(paid(), taken)
    assert (findings.claims, reasons(findings)) == ([], ["reversed"])


def test_units_given_back_in_stock_have_no_price() -> None:
    stock = paid(quantity_reimbursed_cash=0, quantity_reimbursed_inventory=1, amount_total="0.00")
    assert detect(stock).claims == []


@pytest.mark.parametrize(("days", "outcome"), [(60, []), (61, ["window_expired"])])
def test_the_window_is_60_days_from_the_payment(days: int, outcome: list[str]) -> None:
    findings = detect(paid(), as_of=PAID_ON + timedelta(days=days))
    assert reasons(findings) == outcome
    assert bool(findings.claims) == (not outcome)


def test_nothing_is_claimed_while_payments_were_not_read() -> None:
    assert find(facts({SETTLEMENT: sale()}, costs={"SKU-1": (COST,)})).claims == []
