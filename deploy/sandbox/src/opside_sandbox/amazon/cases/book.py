"""Filed cases, Amazon's decisions on them, and the payments that follow."""

from datetime import datetime, timedelta
from typing import Any

from opside_sandbox.amazon.cases.matching import claim_type_of, owed_loss
from opside_sandbox.amazon.history.generate import history_of
from opside_sandbox.amazon.history.model import Product, Reimbursement
from opside_sandbox.amazon.identifiers import number
from opside_sandbox.amazon.personas import Persona, everybody
from opside_sandbox.amazon.view import PaidLoss, View
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

CASES, PAYMENTS = "amazon.cases", "amazon.reimbursements"
_TEXTS = ("fnsku", "msku", "orderId", "referenceId")
_REASONS = {
    "warehouse_lost": "Lost_Warehouse",
    "warehouse_damaged": "Damaged_Warehouse",
    "customer_return": "CustomerReturn",
    "removal_lost": "Lost_Outbound",
    "inbound_shortage": "Lost_Inbound",
}


def open_case(state: SandboxState, persona: Persona, claim: dict[str, Any]) -> Document:
    """Take a claim in. Raises ValueError for an unknown claim type or a quantity below one."""
    claim_type = claim_type_of(str(claim.get("claimType", "")))
    if int(claim["quantity"]) < 1:
        raise ValueError("quantity must be at least 1")
    now = state.clock.now()
    wait = timedelta(seconds=state.settings.amazon_pace.decision_seconds)
    case_id = number(state, f"case/{persona.key}", digits=11, first="1")
    case: Document = {
        "caseId": case_id,
        "persona": persona.key,
        **{name: str(claim.get(name) or "") for name in _TEXTS},
        "claimType": claim_type,
        "quantity": int(claim["quantity"]),
        "filedAt": now.isoformat(),
        "decideAt": (now + wait).isoformat(),
        "status": "open",
        "decision": None,
        "note": "",
        "lossId": None,
        "paidQuantity": 0,
        "reimbursementId": None,
    }
    return state.store.put(CASES, case_id, case)


def decide_due(state: SandboxState) -> None:
    """Decide every case whose time has come, in the order of filing, dated when it was due."""
    now = state.clock.now()
    for case in state.store.list(CASES, status="open"):
        if datetime.fromisoformat(case["decideAt"]) <= now:
            with state.store.transaction():
                _decide(state, case)


def _decide(state: SandboxState, case: Document) -> None:
    persona = everybody(state)[case["persona"]]
    # Whole seconds, as the report shows them: a period ending in this second includes it.
    at = datetime.fromisoformat(case["decideAt"]).replace(microsecond=0)
    taken = {
        one["lossId"]
        for one in state.store.list(CASES, persona=persona.key)
        if one["paidQuantity"] and one["lossId"]
    }
    loss, note = owed_loss(history_of(state, persona), case, taken=taken, today=at.date())
    if loss is None:
        state.store.put(
            CASES, case["caseId"], {**case, "status": "closed", "decision": "denied", "note": note}
        )
        return
    units = min(case["quantity"], loss.pays_quantity)
    reimbursement_id = number(state, f"payment/{persona.key}", digits=11, first="3")
    payment = {
        "reimbursementId": reimbursement_id,
        "persona": persona.key,
        "caseId": case["caseId"],
        "approvedAt": at.isoformat(),
        "orderId": loss.order_id or (loss.reference if "inbound" in loss.claim_type else ""),
        "reason": _REASONS[loss.claim_type],
        "sku": loss.product.sku,
        "unitMinor": loss.pays_unit_minor,
        "units": units,
        "originalId": "",
        "originalType": "",
    }
    state.store.put(PAYMENTS, f"{reimbursement_id}/1", payment)
    decided = {
        "status": "closed",
        "decision": "approved" if units == case["quantity"] else "approved_in_part",
        "lossId": loss.loss_id,
        "paidQuantity": units,
        "reimbursementId": reimbursement_id,
        "note": "Reimbursed.",
    }
    state.store.put(CASES, case["caseId"], {**case, **decided})


def _row(payment: Document, products: dict[str, Product]) -> Reimbursement:
    total = payment.get("totalMinor", payment["unitMinor"] * payment["units"])
    return Reimbursement(
        approved_at=datetime.fromisoformat(payment["approvedAt"]),
        reimbursement_id=payment["reimbursementId"],
        reason=payment["reason"],
        product=products[payment["sku"]],
        per_unit_minor=payment["unitMinor"],
        total_minor=total,
        cash=payment["units"],
        case_id=payment["caseId"],
        order_id=payment["orderId"],
        original_id=payment["originalId"],
        original_type=payment["originalType"],
    )


def view_of(
    state: SandboxState, persona: Persona, *, as_of: datetime, start: datetime, end: datetime
) -> View:
    """The history and all decisions up to `as_of`, for the period asked for."""
    history = history_of(state, persona)
    products = {one.sku: one for one in history.products}
    decided = tuple(_row(one, products) for one in state.store.list(PAYMENTS, persona=persona.key))
    paid = tuple(
        PaidLoss(one["lossId"], one["paidQuantity"], datetime.fromisoformat(one["decideAt"]))
        for one in state.store.list(CASES, persona=persona.key)
        if one["paidQuantity"]
    )
    return View(history, as_of, start, end, {}, decided, paid)


def whole_view(state: SandboxState, persona: Persona) -> View:
    """Everything up to now."""
    decide_due(state)
    now = state.clock.now()
    return view_of(state, persona, as_of=now, start=now - timedelta(days=3650), end=now)


def take_back(state: SandboxState, reimbursement_id: str, amount_minor: int) -> Document:
    """Amazon takes a payment back, in part or whole.

    Raises LookupError for an unknown payment, ValueError for more than is left of it.
    """
    decide_due(state)
    persona, row = _paid_row(state, reimbursement_id)
    earlier = sum(
        -one["totalMinor"] for one in state.store.list(PAYMENTS, originalId=reimbursement_id)
    )
    if not 0 < amount_minor <= row.total_minor - earlier:
        raise ValueError("the amount must be above zero and at most what is left of the payment")
    new_id = number(state, f"payment/{persona.key}", digits=11, first="3")
    taken = {
        "reimbursementId": new_id,
        "persona": persona.key,
        "caseId": "",
        "approvedAt": state.clock.now().replace(microsecond=0).isoformat(),
        "orderId": row.order_id,
        "reason": "Reimbursement_Reversal",
        "sku": row.product.sku,
        "unitMinor": row.per_unit_minor,
        "units": -max(1, amount_minor // max(1, row.per_unit_minor)),
        "totalMinor": -amount_minor,
        "originalId": reimbursement_id,
        "originalType": row.reason,
    }
    return state.store.put(PAYMENTS, f"{new_id}/1", taken)


def _paid_row(state: SandboxState, reimbursement_id: str) -> tuple[Persona, Reimbursement]:
    for persona in everybody(state).values():
        for row in whole_view(state, persona).reimbursements():
            if row.reimbursement_id == reimbursement_id and row.total_minor > 0:
                return persona, row
    raise LookupError(f"no payment {reimbursement_id}")
