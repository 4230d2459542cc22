"""What the seller's own cost documents tell: his costs, and payments below them."""

import random
from datetime import date, timedelta
from typing import Any

from opside_sandbox.amazon.history.desk import Desk
from opside_sandbox.amazon.history.model import History, Product

_PAID_AT_COST = frozenset({"Lost_Warehouse", "Damaged_Warehouse", "Lost_Outbound", "Lost_Inbound"})
_DOCUMENTED_DAYS = 540


def cost_of(product: Product, *, currency: str, born: date) -> dict[str, Any]:
    """A line of the seller's cost book, as `PUT /api/costs` takes it."""
    return {
        "sku": product.sku,
        "unitCostCents": product.cost_minor,
        "currency": currency.lower(),
        "sourceDocument": f"supplier-invoice-{product.index + 1:03d}.pdf",
        "effectiveDate": (born - timedelta(days=_DOCUMENTED_DAYS)).isoformat(),
    }


def owe_payments_below_cost(history: History) -> None:
    """For an account whose costs are known: a loss each payment that is below the unit's cost."""
    taken_back = {one.original_id for one in history.reimbursements}
    for one in list(history.reimbursements):
        short = one.product.cost_minor - one.per_unit_minor
        if one.reason not in _PAID_AT_COST or short <= 0 or one.cash <= 0:
            continue
        # Its own draws: the loss is told of a payment that is already there.
        rng = random.Random(f"below cost/{one.reimbursement_id}")  # noqa: S311
        Desk(history, one.product, rng).loss(
            "underpaid",
            one.approved_at.date(),
            one.cash,
            reference=one.reimbursement_id,
            order_id=one.order_id,
            settled="reversed" if one.reimbursement_id in taken_back else None,
            value_minor=short * one.cash,
            pays_unit_minor=short,
        )
