"""The truth file: what may be claimed on a day, and why each other loss may not."""

from collections import Counter
from datetime import date
from typing import Any

from opside_sandbox.amazon.cases import book, payments, plans
from opside_sandbox.amazon.history.generate import history_of
from opside_sandbox.amazon.history.model import Loss
from opside_sandbox.amazon.personas import Persona
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document


def facts_of(loss: Loss, currency: str) -> dict[str, Any]:
    """A loss as the history tells it: what, how much, from when until when."""
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
    }


def _entry(loss: Loss, plan: Document, currency: str, paid: int) -> dict[str, Any]:
    """The same, and what Amazon does and has done about it."""
    units, unit = plans.paid_units(plan, loss, loss.quantity)
    units = 0 if plan["answer"] == "deny" else units
    return {
        **facts_of(loss, currency),
        "amazon_answers": plan["answer"],
        "amazon_pays_quantity": units,
        "amazon_pays_minor": 0 if payments.in_stock(plan, loss) else units * unit,
        "amazon_pays_unasked_at": plan["automaticAt"],
        "amazon_reverses_after_seconds": plan["reverseAfter"],
        "paid_on_case": paid,
    }


def _paid_on_cases(state: SandboxState, persona: Persona) -> set[str]:
    return {
        one["lossId"]
        for one in state.store.list(book.CASES, persona=persona.key)
        if one["paidQuantity"]
    }


def truth_of(state: SandboxState, persona: Persona, as_of: date) -> dict[str, Any]:
    """Every loss of the persona as it stands on that day, filed cases included."""
    book.decide_due(state, persona)
    paid, on_case = Counter[str](), _paid_on_cases(state, persona)
    for one in book.paid_losses(state, persona):
        paid[one.loss_id] += one.units
    claimable, others = [], []
    for loss in history_of(state, persona).losses:
        plan = plans.of(state, persona.key, loss.loss_id)
        entry = _entry(loss, plan, persona.store.currency, paid[loss.loss_id])
        reason = loss.reason_on(as_of)
        if paid[loss.loss_id]:
            reason = "paid_on_case" if loss.loss_id in on_case else "paid_cash"
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
