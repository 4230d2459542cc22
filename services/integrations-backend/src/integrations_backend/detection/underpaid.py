"""Payments below what the dated valuation says that a unit is worth.

For a lost return that is the sale price less fees, for lost stock the cost by the seller's own document
that was in force (rulings R16); without one nothing is said. Money that came later for the same payment
counts. The unit itself was paid: only the difference is claimed.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from integrations_backend.detection import customer_returns, inbound, removals, warehouse
from integrations_backend.detection.facts import Facts, Missing
from integrations_backend.detection.findings import Findings
from integrations_backend.detection.payments import Payment, folded_reason, payments_of
from integrations_backend.detection.sale_values import SaleValues, sale_values
from integrations_backend.reports.kinds import REIMBURSEMENTS, SETTLEMENT

CLAIM_TYPE = "underpaid"
CONFIDENCE = 0.7
LEAST_DIFFERENCE_MINOR = 2
LEAST_DIFFERENCE_PERCENT = 1
"""Fee rates change with season and date (facts section 6): a smaller difference is none."""
ANSWERS = {
    **warehouse.PAID_AS,
    **dict.fromkeys(("customerreturn", "reversalreimbursement"), customer_returns.CLAIM_TYPE),
    "lostoutbound": removals.CLAIM_TYPE,
    **dict.fromkeys(inbound.PAID_AS, inbound.CLAIM_TYPE),
}
"""The claim type that a payment answers, by its reason."""


@dataclass(frozen=True, slots=True)
class _Due:
    """What the units of a payment are worth, minor units, and how that is known."""

    minor: int
    arithmetic: str


def find(facts: Facts) -> Findings:
    """Claims and other losses of payments that were too low."""
    findings = Findings()
    if not facts.read(REIMBURSEMENTS):
        return findings
    payments = payments_of(facts.rows[REIMBURSEMENTS])
    values = sale_values(facts) if facts.read(SETTLEMENT) else SaleValues({}, "")
    taken_back = {one.original_id for one in payments.taken_back}
    top_ups = _TopUps(payments.top_ups)
    for payment in payments.paid:
        due = _due(facts, payment, values)
        if due is None or not _is_short(due.minor, payment.amount_minor):
            continue
        topped_up = top_ups.of(payment)
        missing = _missing(payment, due, topped_up)
        if payment.reimbursement_id in taken_back:
            findings.extend(facts.settled(missing, "reversed"))
        elif not _is_short(due.minor, payment.amount_minor + topped_up):
            findings.extend(facts.settled(missing, "paid"))
        else:
            findings.extend(facts.judge(missing))
    return findings


def _is_short(due: int, paid: int) -> bool:
    return due - paid > max(LEAST_DIFFERENCE_MINOR, due * LEAST_DIFFERENCE_PERCENT // 100)


def _due(facts: Facts, payment: Payment, values: SaleValues) -> _Due | None:
    """None for payments in stock, and where nobody can tell."""
    answered = ANSWERS.get(folded_reason(payment.reason))
    if answered is None or payment.in_cash <= 0 or payment.in_cash != payment.units:
        return None
    window = facts.policy.window(answered, facts.store.country, payment.day)
    if window is None:
        return None
    if window.value == "sale_less_fees":
        unit = values.by_order.get((payment.order_id, payment.sku))
        return _worth(payment, unit, values.arithmetic)
    cost = facts.cost_on(payment.sku, payment.day)
    return _worth(payment, cost.minor, f"unit cost by {cost.document}") if cost else None


def _worth(payment: Payment, unit: int | None, source: str) -> _Due | None:
    if unit is None:
        return None
    return _Due(unit * payment.in_cash, f"{payment.in_cash} x {unit} ({source})")


class _TopUps:
    """Money that came later: for the payment that it names, else for the first short one of its order."""

    def __init__(self, top_ups: Iterable[Payment]) -> None:
        self._named: dict[str, int] = defaultdict(int)
        self._of_order: dict[tuple[str, str], int] = defaultdict(int)
        for one in top_ups:
            if one.original_id:
                self._named[one.original_id] += one.amount_minor
            elif one.order_id:
                self._of_order[one.order_id, one.sku] += one.amount_minor

    def of(self, payment: Payment) -> int:
        """Minor units; what was given out once is not given again."""
        order = payment.order_id, payment.sku
        return self._named.pop(payment.reimbursement_id, 0) + self._of_order.pop(order, 0)


def _missing(payment: Payment, due: _Due, topped_up: int) -> Missing:
    difference = due.minor - payment.amount_minor - topped_up
    return Missing(
        key=f"{CLAIM_TYPE}:{payment.reimbursement_id}:{payment.fnsku}",
        claim_type=CLAIM_TYPE,
        fnsku=payment.fnsku,
        sku=payment.sku,
        order_id=payment.order_id,
        reference_id=payment.reimbursement_id,
        quantity=payment.in_cash,
        event_date=payment.day,
        value_minor=difference,
        confidence=CONFIDENCE,
        confident_because="possible: Amazon may value the unit by a price or cost of another day",
        explanation={
            "reimbursement": payment.reimbursement_id,
            "report_line": payment.line,
            "due": due.minor,
            "paid": payment.amount_minor,
            "topped_up": topped_up,
            "arithmetic": f"{due.arithmetic} - {payment.amount_minor} paid - {topped_up} topped up"
            f" = {difference}",
        },
    )
