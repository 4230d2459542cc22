"""The truth list: which message proves what, for which loss."""

import hashlib
from typing import Any

from opside_sandbox.gmail.mailbox.message import Mail
from opside_sandbox.gmail.mailbox.written import proofs
from opside_sandbox.gmail.papers.supply import LossStory, supply_of
from opside_sandbox.gmail.papers.trade_mail import Proof
from opside_sandbox.state import SandboxState


def truth_of(state: SandboxState, key: str) -> dict[str, Any]:
    """Every generated message that proves something, and the papers of every loss.

    A loss's `cost_invoices` are those that name its SKU from before the event, newest first.
    """
    supply = supply_of(state, key)
    known = proofs(state, key)
    return {
        "persona": key,
        "currency": supply.currency,
        "messages": [_message(mail, proof) for mail, proof in known],
        "losses": [_loss(loss, known) for loss in supply.losses],
    }


def _message(mail: Mail, proof: Proof) -> dict[str, Any]:
    return {
        "id": mail.id,
        "kind": proof.kind,
        "number": proof.number,
        "firm": proof.firm,
        "date": mail.at.date().isoformat(),
        "copy": proof.copy,
        "shipment_id": proof.shipment_id or None,
        "order_id": proof.order_id or None,
        "total_minor": proof.total_minor,
        "lines": [
            {
                "sku": item.sku,
                "fnsku": item.fnsku,
                "asin": item.asin,
                "quantity": units,
                "unit_cost_minor": price,
            }
            for item, units, price in proof.lines
        ],
        "attachments": [
            {
                "filename": part.filename,
                "size": len(part.content),
                "sha256": hashlib.sha256(part.content).hexdigest(),
            }
            for part in mail.root.walk()
            if part.filename
        ],
    }


def _loss(loss: LossStory, known: tuple[tuple[Mail, Proof], ...]) -> dict[str, Any]:
    costs = [
        mail.id
        for mail, proof in reversed(known)
        if proof.kind == "supplier_invoice"
        and mail.at.date() <= loss.event_date
        and any(item.sku == loss.sku for item, _, _ in proof.lines)
    ]

    def papers(kind: str) -> list[str]:
        return [
            mail.id
            for mail, proof in known
            if proof.kind == kind
            and (
                (loss.reference and proof.shipment_id == loss.reference)
                or (loss.order_id and proof.order_id == loss.order_id)
            )
        ]

    return {
        "loss_id": loss.loss_id,
        "claim_type": loss.claim_type,
        "sku": loss.sku,
        "cost_invoices": costs,
        "packing_lists": papers("packing_list"),
        "proofs_of_delivery": papers("proof_of_delivery"),
        "parcels_delivered": papers("parcel_delivered"),
    }
