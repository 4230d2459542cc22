"""Parts of objects that come only when `expand` names them."""

from collections.abc import Callable

from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.world import World


def _payments(world: World, invoice: Document) -> Document:
    known = world.state.store.list(
        world.collection("invoice_payment"), newest_first=True, invoice=invoice["id"]
    )
    return {
        "object": "list",
        "data": known,
        "has_more": False,
        "url": f"/v1/invoice_payments?invoice={invoice['id']}",
    }


def _confirmation_secret(world: World, invoice: Document) -> Document | None:
    """What a browser needs to pay an open invoice."""
    known = world.get("invoice", invoice["id"]) or invoice
    intent = world.get("payment_intent", known["_intent"] or "")
    if intent is None:
        return None
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}


def _line_items(world: World, session: Document) -> Document:
    known = world.get("checkout.session", session["id"]) or {}
    return {
        "object": "list",
        "data": known.get("_items", []),
        "has_more": False,
        "url": f"/v1/checkout/sessions/{session['id']}/line_items",
    }


PARTS: dict[tuple[str, str], Callable[[World, Document], Document | None]] = {
    ("checkout.session", "line_items"): _line_items,
    ("invoice", "confirmation_secret"): _confirmation_secret,
    ("invoice", "payments"): _payments,
}
