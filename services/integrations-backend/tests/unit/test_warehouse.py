"""Units lost or damaged in a fulfilment centre, netted of what was found, reconciled or paid."""

from datetime import date, timedelta

import pytest
from factories.report_rows import GB, TODAY, facts, row

from integrations_backend.detection.findings import Findings
from integrations_backend.detection.warehouse import find
from integrations_backend.reports.kinds import LEDGER, REIMBURSEMENTS


def loss(**changes: object) -> dict[str, str]:
    return row(LEDGER, **changes)


def paid(**changes: object) -> dict[str, str]:
    return row(REIMBURSEMENTS, **changes)


def detect(*losses: dict[str, str], payments: tuple[dict[str, str], ...] = ()) -> Findings:
    return find(facts({LEDGER: losses, REIMBURSEMENTS: payments}))


def claimed(findings: Findings) -> list[tuple[str, str, int]]:
    return [(one.claim_type, one.fnsku, one.quantity) for one in findings.claims]


def not_claimed(findings: Findings) -> list[tuple[str, int]]:
    return [(one.reason, one.quantity) for one in findings.losses]


def test_a_lost_unit_is_claimed_and_explains_itself() -> None:
    (claim,) = detect(loss()).claims
    assert (claim.claim_type, claim.fnsku, claim.sku) == ("warehouse_lost", "X001", "SKU-1")
    assert (claim.quantity, claim.reference_id) == (1, "900001")
    assert claim.event_date == date(2026, 10, 1)
    assert claim.deadline == date(2026, 11, 30)
    assert claim.value_minor is None, "only a cost document knows (ruling R16)"
    assert claim.currency == "usd"
    assert claim.explanation["ledger_line"] == 2
    assert claim.explanation["arithmetic"] == "1 lost - 0 found, paid or reconciled = 1 open"


@pytest.mark.parametrize(
    ("code", "claim_type"),
    [
        *((code, "warehouse_lost") for code in "M5"),
        *((code, "warehouse_damaged") for code in "67EHKU"),
    ],
)
def test_every_loss_code_has_its_claim_type(code: str, claim_type: str) -> None:
    assert claimed(detect(loss(reason=code))) == [(claim_type, "X001", 1)]


@pytest.mark.parametrize("code", ["F", "N", "P", "Q", "3", "4", "D", "G", "O", ""])
def test_finds_moves_disposals_and_corrections_are_no_loss(code: str) -> None:
    findings = detect(loss(reason=code))
    assert (findings.claims, findings.losses) == ([], [])


@pytest.mark.parametrize(
    "changes", [{"quantity": 1}, {"event_type": "Shipments"}, {"event_type": "Receipts"}]
)
def test_units_that_came_in_or_were_shipped_are_no_loss(changes: dict[str, object]) -> None:
    assert detect(loss(**changes)).claims == []


def test_amazons_own_example_eleven_of_sixteen() -> None:
    findings = detect(loss(quantity=-16, reconciled_quantity=5, unreconciled_quantity=11))
    assert claimed(findings) == [("warehouse_lost", "X001", 11)]
    assert not_claimed(findings) == [("reconciled", 5)]


def test_a_reconciled_loss_is_not_claimed() -> None:
    findings = detect(loss(reconciled_quantity=1, unreconciled_quantity=0))
    assert claimed(findings) == []
    assert not_claimed(findings) == [("reconciled", 1)]


@pytest.mark.parametrize(
    ("days_ago", "outcome"),
    [(4, "still_waiting"), (5, "claim"), (60, "claim"), (61, "window_expired")],
)
def test_the_window_is_day_5_to_day_60_both_included(days_ago: int, outcome: str) -> None:
    day = (TODAY - timedelta(days=days_ago)).strftime("%m/%d/%Y")
    findings = detect(loss(date=day))
    assert (claimed(findings) != []) == (outcome == "claim")
    assert not_claimed(findings) == ([] if outcome == "claim" else [(outcome, 1)])


def test_a_loss_before_the_first_dated_rule_has_no_policy() -> None:
    old = facts({LEDGER: [loss(date="10/22/2024")], REIMBURSEMENTS: []}, as_of=date(2024, 11, 10))
    assert not_claimed(find(old)) == [("no_policy", 1)]
    first_day = facts(
        {LEDGER: [loss(date="10/23/2024")], REIMBURSEMENTS: []}, as_of=date(2024, 11, 10)
    )
    assert len(find(first_day).claims) == 1


def test_british_dates_are_read_day_first() -> None:
    given = facts({LEDGER: [loss(date="01/10/2026")], REIMBURSEMENTS: []}, store=GB)
    (claim,) = find(given).claims
    assert (claim.event_date, claim.currency) == (date(2026, 10, 1), "gbp")


def test_units_found_after_the_loss_are_taken_off() -> None:
    findings = detect(
        loss(quantity=-3, unreconciled_quantity=3),
        loss(date="10/05/2026", quantity=2, reason="F", unreconciled_quantity=0),
    )
    assert claimed(findings) == [("warehouse_lost", "X001", 1)]
    assert not_claimed(findings) == [("found", 2)]
    assert findings.claims[0].explanation["answered_by"] == ["2 found on 2026-10-05"]


def test_a_payment_is_not_left_to_units_that_a_later_find_has_taken() -> None:
    """The payment can only be for the first loss, the find for either: three lost, two answered."""
    ledger = [
        loss(date="11/08/2026", quantity=-2, reconciled_quantity=1, unreconciled_quantity=1),
        loss(date="11/11/2026", reconciled_quantity=1, unreconciled_quantity=0),
        loss(date="11/15/2026", quantity=1, reason="F", unreconciled_quantity=0),
    ]
    payment = paid(approval_date="2026-11-09T10:00:00+00:00")
    findings = find(facts({LEDGER: ledger, REIMBURSEMENTS: [payment]}))
    assert claimed(findings) == [("warehouse_lost", "X001", 1)]


def test_units_found_before_the_loss_answer_another_one() -> None:
    findings = detect(loss(), loss(date="09/30/2026", quantity=1, reason="F"))
    assert claimed(findings) == [("warehouse_lost", "X001", 1)]


def test_units_found_on_the_day_of_the_loss_count() -> None:
    assert claimed(detect(loss(), loss(quantity=1, reason="F"))) == []


def test_a_find_that_the_ledger_has_reconciled_is_counted_once() -> None:
    findings = detect(
        loss(quantity=-3, reconciled_quantity=2, unreconciled_quantity=1),
        loss(date="10/05/2026", quantity=2, reason="F"),
    )
    assert claimed(findings) == [("warehouse_lost", "X001", 1)]


def test_a_find_of_another_item_answers_nothing() -> None:
    assert len(detect(loss(), loss(date="10/05/2026", quantity=1, reason="F", fnsku="X2")).claims)


def test_a_find_answers_lost_units_never_damaged_ones() -> None:
    findings = detect(loss(reason="E"), loss(date="10/05/2026", quantity=1, reason="F"))
    assert claimed(findings) == [("warehouse_damaged", "X001", 1)]


@pytest.mark.parametrize("reason", ["Lost_Warehouse", "lost warehouse", "LOST_WAREHOUSE"])
def test_a_cash_payment_answers_a_loss(reason: str) -> None:
    findings = detect(loss(), payments=(paid(reason=reason),))
    assert claimed(findings) == []
    assert not_claimed(findings) == [("paid", 1)]


def test_units_given_back_in_stock_answer_a_loss() -> None:
    stock = paid(quantity_reimbursed_cash=0, quantity_reimbursed_inventory=1, amount_total="0.00")
    assert claimed(detect(loss(), payments=(stock,))) == []


def test_stock_given_back_and_booked_as_found_counts_once() -> None:
    stock = paid(quantity_reimbursed_cash=0, quantity_reimbursed_inventory=1, amount_total="0.00")
    findings = detect(
        loss(quantity=-2, unreconciled_quantity=2),
        loss(date="10/19/2026", quantity=1, reason="N"),
        payments=(stock,),
    )
    assert claimed(findings) == [("warehouse_lost", "X001", 1)]


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": "Damaged_Warehouse"},
        {"reason": "CustomerReturn"},
        {"fnsku": "X002"},
        {"amazon_order_id": "112-1"},
        {"original_reimbursement_id": "69999"},
        {"approval_date": "2026-09-29T10:00:00+00:00"},
    ],
)
def test_a_payment_for_something_else_answers_nothing(changes: dict[str, object]) -> None:
    assert claimed(detect(loss(), payments=(paid(**changes),))) == [("warehouse_lost", "X001", 1)]


def test_a_payment_may_be_dated_a_day_before_the_loss_by_its_time_zone() -> None:
    early = paid(approval_date="2026-09-30T23:00:00+00:00")
    assert claimed(detect(loss(), payments=(early,))) == []


def test_a_payment_for_fewer_units_leaves_the_rest() -> None:
    findings = detect(loss(quantity=-3, unreconciled_quantity=3), payments=(paid(),))
    assert claimed(findings) == [("warehouse_lost", "X001", 2)]
    assert findings.claims[0].explanation["answered_by"] == ["1 paid in cash: reimbursement 70001"]


def test_a_payment_for_several_units_answers_the_oldest_losses_first() -> None:
    findings = detect(
        loss(date="10/09/2026", reference_id="3"),
        loss(date="10/01/2026", reference_id="1"),
        loss(date="10/05/2026", reference_id="2"),
        payments=(paid(quantity_reimbursed_cash=2),),
    )
    assert [one.reference_id for one in findings.claims] == ["3"]


def test_two_identical_rows_are_two_losses() -> None:
    findings = detect(loss(), loss())
    assert claimed(findings) == [("warehouse_lost", "X001", 1)] * 2
    assert len({one.key for one in findings.claims}) == 2


def test_rows_that_differ_in_any_cell_are_losses_of_their_own() -> None:
    rows = [loss(), loss(reason="5"), loss(disposition="DEFECTIVE"), loss(quantity=-2)]
    assert len({one.key for one in detect(*rows).claims}) == 4


@pytest.mark.parametrize("missing", [LEDGER, REIMBURSEMENTS])
def test_nothing_is_claimed_while_a_report_was_not_read(missing: str) -> None:
    reports = {LEDGER: [loss()], REIMBURSEMENTS: []}
    del reports[missing]
    assert find(facts(reports)).claims == []
