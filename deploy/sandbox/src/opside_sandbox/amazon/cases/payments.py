"""Payments that Amazon has made since the history ended, and what moves in the ledger with them."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from opside_sandbox.amazon.history.model import LedgerEvent, Loss, Product, Reimbursement
from opside_sandbox.amazon.identifiers import number
from opside_sandbox.amazon.personas import Persona
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

PAYMENTS = "amazon.reimbursements"
_REASONS = {
    "warehouse_lost": "Lost_Warehouse",
    "warehouse_damaged": "Damaged_Warehouse",
    "customer_return": "CustomerReturn",
    "removal_lost": "Lost_Outbound",
    "inbound_shortage": "Lost_Inbound",
    "fee_overcharge": "FeeCorrection",
    "underpaid": "Reimbursement_TopUp",
    "reversal": "Reimbursement_Reversal_Corrected",
}
_MONEY = frozenset({"fee_overcharge", "underpaid", "reversal"})
"""Claims for a sum: no unit can answer them."""


def pay(
    state: SandboxState,
    persona: Persona,
    loss: Loss,
    *,
    at: datetime,
    units: int,
    unit_minor: int,
    plan: Document,
    case_id: str = "",
) -> Document:
    """Pay for a loss, in cash or in stock as the plan says, on a case or (no `case_id`) without."""
    stock = in_stock(plan, loss)
    reverse = plan["reverseAfter"]
    new_id = number(state, f"payment/{persona.key}", digits=11, first="3")
    payment = {
        "reimbursementId": new_id,
        "persona": persona.key,
        "caseId": case_id,
        "lossId": loss.loss_id,
        "approvedAt": at.isoformat(),
        "orderId": loss.order_id or (loss.reference if "inbound" in loss.claim_type else ""),
        "reason": _REASONS[loss.claim_type],
        "sku": loss.product.sku,
        "unitMinor": unit_minor,
        "units": 0 if stock else units,
        "inventory": units if stock else 0,
        "originalId": "",
        "originalType": "",
        "found": 0,
        "reverseAt": (at + timedelta(seconds=reverse)).isoformat() if reverse else None,
    }
    if loss.claim_type == "underpaid":
        # The unit itself was paid before: more money for that payment, and no unit.
        payment |= {
            "cash": 0,
            "totalMinor": unit_minor * units,
            "originalId": loss.reference,
            "originalType": "CustomerReturn",
        }
    return state.store.put(PAYMENTS, f"{new_id}/1", payment)


def in_stock(plan: Document, loss: Loss) -> bool:
    """Whether units are given back instead of money."""
    return bool(plan["answer"] == "stock") and loss.claim_type not in _MONEY


def take_back(
    state: SandboxState,
    persona: Persona,
    row: Reimbursement,
    *,
    at: datetime,
    amount_minor: int,
    found: int = 0,
) -> Document:
    """Take a payment back; `found` units came to light and return into the stock."""
    new_id = number(state, f"payment/{persona.key}", digits=11, first="3")
    units = max(1, amount_minor // max(1, row.per_unit_minor))
    taken = {
        "reimbursementId": new_id,
        "persona": persona.key,
        "caseId": "",
        "lossId": "",
        "approvedAt": at.replace(microsecond=0).isoformat(),
        "orderId": row.order_id,
        "reason": "Reimbursement_Reversal",
        "sku": row.product.sku,
        "unitMinor": row.per_unit_minor,
        "units": -units,
        "inventory": 0,
        "cash": -units if row.cash else 0,
        "totalMinor": -amount_minor,
        "originalId": row.reimbursement_id,
        "originalType": row.reason,
        "found": found,
        "reverseAt": None,
    }
    return state.store.put(PAYMENTS, f"{new_id}/1", taken)


def left_of(state: SandboxState, row: Reimbursement) -> int:
    """Minor units of a payment that have not been taken back yet."""
    named = state.store.list(PAYMENTS, originalId=row.reimbursement_id)
    return row.total_minor + sum(min(0, int(one["totalMinor"])) for one in named)


def of(state: SandboxState, persona: Persona) -> list[Document]:
    """The persona's payments and reversals, in the order in which they were made."""
    return state.store.list(PAYMENTS, persona=persona.key)


def reimbursement(payment: Document, products: dict[str, Product]) -> Reimbursement:
    """The row of the reimbursements report."""
    return Reimbursement(
        approved_at=datetime.fromisoformat(payment["approvedAt"]),
        reimbursement_id=payment["reimbursementId"],
        reason=payment["reason"],
        product=products[payment["sku"]],
        per_unit_minor=payment["unitMinor"],
        total_minor=payment.get("totalMinor", payment["unitMinor"] * payment["units"]),
        cash=payment["cash"] if "cash" in payment else payment["units"],
        inventory=payment.get("inventory", 0),
        case_id=payment["caseId"],
        order_id=payment["orderId"],
        original_id=payment["originalId"],
        original_type=payment["originalType"],
    )


def moved(payment: Document, persona: Persona, products: dict[str, Product]) -> list[LedgerEvent]:
    """Units that come into the stock with a payment: paid in stock (N), or found again (F)."""
    given: dict[str, Any] = {"N": payment.get("inventory", 0), "F": payment.get("found", 0)}
    digest = hashlib.sha256(payment["reimbursementId"].encode()).digest()
    return [
        LedgerEvent(
            at=datetime.fromisoformat(payment["approvedAt"]),
            product=products[payment["sku"]],
            event_type="Adjustments",
            reference=str(10**11 + int.from_bytes(digest[:5], "big") % 10**11),
            quantity=units,
            centre=persona.store.centres[0],
            reason=reason,
            reconciled=units,
        )
        for reason, units in given.items()
        if units
    ]
