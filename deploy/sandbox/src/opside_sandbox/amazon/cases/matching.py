"""Which loss a filed claim speaks of, and whether Amazon owes it."""

from datetime import date
from typing import Any

from opside_sandbox.amazon.history.model import History, Loss

_NAMES = {
    "warehouselost": "warehouse_lost",
    "lostwarehouse": "warehouse_lost",
    "warehousedamaged": "warehouse_damaged",
    "damagedwarehouse": "warehouse_damaged",
    "customerreturn": "customer_return",
    "customerreturnmissing": "customer_return",
    "returnmissing": "customer_return",
    "removallost": "removal_lost",
    "lostoutbound": "removal_lost",
    "inboundshortage": "inbound_shortage",
    "lostinbound": "inbound_shortage",
    "feeovercharge": "fee_overcharge",
    "underpaid": "underpaid",
    "reversal": "reversal",
}
_WORDS = {
    "found_later": "The units were found and returned to your inventory.",
    "paid_cash": "You have already been reimbursed for these units.",
    "paid_stock": "You have already been compensated with replacement units.",
    "reconciled": "Our research shows these units as reconciled.",
    "reversed": "The units were found; the reimbursement was reversed.",
    "returned": "The unit was returned to your inventory.",
    "window_expired": "The claim window for this request has expired.",
    "still_waiting": "This request is not yet eligible; please wait.",
}


def claim_type_of(text: str) -> str:
    """The claim type behind a spelling of it. Raises ValueError for an unknown one."""
    folded = "".join(letter for letter in text.lower() if letter.isalnum())
    if folded not in _NAMES:
        raise ValueError(f"{text!r} is not a claim type")
    return _NAMES[folded]


def owed_loss(
    history: History, case: dict[str, Any], *, taken: set[str], today: date
) -> tuple[Loss | None, str]:
    """The first unpaid loss that the case names and Amazon owes, or None and the reason."""
    given = {text for text in (case["orderId"], case["referenceId"]) if text}
    found = [
        loss
        for loss in history.losses
        if loss.claim_type == case["claimType"]
        and loss.product.fnsku == case["fnsku"]
        and (not given or given & {loss.order_id, loss.reference})
    ]
    reasons = ["paid_cash" if loss.loss_id in taken else loss.reason_on(today) for loss in found]
    for loss, reason in zip(found, reasons, strict=True):
        if reason is None:
            return loss, ""
    if not reasons:
        return None, "We could not find a discrepancy for the information you provided."
    return None, _WORDS[reasons[0] or "reconciled"]
