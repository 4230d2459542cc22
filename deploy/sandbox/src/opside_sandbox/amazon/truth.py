"""The truth file: what may be claimed on a day, and why each other loss may not."""

from collections import Counter
from datetime import date
from typing import Any

from opside_sandbox.amazon.cases import book
from opside_sandbox.amazon.history.generate import history_of
from opside_sandbox.amazon.history.model import Loss
from opside_sandbox.amazon.personas import Persona
from opside_sandbox.state import SandboxState


def _entry(loss: Loss, currency: str, paid: int) -> dict[str, Any]:
    return {
        "loss_id": loss.loss_id,
        "claim_type": loss.claim_type,
        "fnsku": loss.product.fnsku,
        "sku": loss.product.sku,
        "asin": loss.product.asin,
        "order_id": loss.order_id or None,
        "reference": loss.reference or None,
        "via": loss.via or None,
        "quantity": loss.quantity,
        "event_date": loss.event_date.isoformat(),
        "opens": loss.opens.isoformat(),
        "deadline": loss.deadline.isoformat(),
        "value_minor": loss.value_minor,
        "currency": currency,
        "amazon_pays_quantity": loss.pays_quantity,
        "amazon_pays_minor": loss.pays_quantity * loss.pays_unit_minor,
        "paid_on_case": paid,
    }


def truth_of(state: SandboxState, persona: Persona, as_of: date) -> dict[str, Any]:
    """Every loss of the persona as it stands on that day, filed cases included."""
    book.decide_due(state)
    paid: Counter[str] = Counter()
    for case in state.store.list(book.CASES, persona=persona.key):
        if case["lossId"]:
            paid[case["lossId"]] += case["paidQuantity"]
    claimable, others = [], []
    for loss in history_of(state, persona).losses:
        entry = _entry(loss, persona.store.currency, paid[loss.loss_id])
        reason = "paid_on_case" if paid[loss.loss_id] else loss.reason_on(as_of)
        if reason is None:
            claimable.append(entry)
        else:
            others.append({**entry, "reason": reason})
    return {
        "persona": persona.key,
        "asOf": as_of.isoformat(),
        "claimable": claimable,
        "others": others,
    }
