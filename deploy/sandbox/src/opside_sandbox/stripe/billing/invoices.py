"""Invoices: the API."""

from typing import Any

from opside_sandbox.stripe.billing import (
    collecting,
    cycle,
    drafting,
    settling,
    timeline,
)
from opside_sandbox.stripe.billing.listed import newest
from opside_sandbox.stripe.clocks import HOUR, now_of
from opside_sandbox.stripe.errors import Document, StripeError, invalid
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.fields import (
    Kind,
    boolean,
    clearable,
    currency,
    integer,
    metadata,
    one_of,
    text,
    whole_number,
)
from opside_sandbox.stripe.listing import CREATED, PAGE, page_of
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World, merge_metadata, take

_PLAIN = (
    "collection_method", "default_payment_method", "description", "due_date", "footer",
    "statement_descriptor",
)  # fmt: skip


def _create(world: World, ask: Ask) -> Document:
    customer = world.need("customer", ask.params["customer"], param="customer", in_path=False)
    subscription = None
    if subscription_id := ask.get("subscription"):
        subscription = world.need(
            "subscription", subscription_id, param="subscription", in_path=False
        )
    items = []
    if ask.get("pending_invoice_items_behavior", "exclude") == "include" or subscription:
        items = drafting.pending(world, customer["id"], subscription_id)
    given = {name: ask.params[name] for name in _PLAIN if name in ask.params}
    code = ask.get("currency") or customer["currency"] or (items[0]["currency"] if items else "usd")
    invoice = drafting.draft(
        world,
        customer,
        [],
        subscription=subscription,
        items=items,
        **given,
        auto_advance=ask.get("auto_advance", False),
        currency=code,
        days_until_due=ask.get("days_until_due"),
        metadata=merge_metadata(None, ask.params),
    )
    return shown(world, invoice)


def _known(world: World, ask: Ask) -> Document:
    return world.need("invoice", ask.path["invoice"], param="invoice")


def _retrieve(world: World, ask: Ask) -> Document:
    return shown(world, _known(world, ask))


def _update(world: World, ask: Ask) -> Document:
    invoice = _known(world, ask)
    before = dict(invoice)
    if invoice["status"] != "draft" and set(ask.params) - {
        "metadata", "auto_advance", "default_payment_method", "description"
    }:  # fmt: skip
        raise _not_editable()
    take(invoice, ask.params, *_PLAIN, "auto_advance")
    if "days_until_due" in ask.params:
        invoice["_days_until_due"] = ask.params["days_until_due"]
    invoice["metadata"] = merge_metadata(invoice["metadata"], ask.params)
    if invoice["status"] == "draft" and invoice["auto_advance"]:
        due_at = now_of(world, invoice) + HOUR
        invoice["automatically_finalizes_at"] = invoice["automatically_finalizes_at"] or due_at
        timeline.at(world, "finalize_invoice", invoice, invoice["automatically_finalizes_at"])
    elif invoice["status"] == "draft":
        invoice["automatically_finalizes_at"] = None
    world.save(invoice)
    if invoice != before:
        emit(world, "invoice.updated", invoice, before=before)
    return shown(world, invoice)


def _not_editable() -> StripeError:
    return invalid(
        "This invoice is no longer editable: it has been finalized.", code="invoice_not_editable"
    )


def _delete(world: World, ask: Ask) -> Document:
    """Drafts that no subscription made can go; their items wait again."""
    invoice = _known(world, ask)
    if invoice["status"] != "draft" or invoice["parent"] is not None:
        raise invalid(
            "You can only delete draft invoices that were not created by a subscription.",
            code="invoice_not_editable",
        )
    timeline.forget(world, "finalize_invoice", invoice)
    for item in world.state.store.list(world.collection("invoiceitem"), invoice=invoice["id"]):
        world.save({**item, "invoice": None})
    emit(world, "invoice.deleted", invoice)
    return world.save({"id": invoice["id"], "object": "invoice", "deleted": True})


def _finalize(world: World, ask: Ask) -> Document:
    invoice = _known(world, ask)
    take(invoice, ask.params, "auto_advance")
    return shown(world, collecting.finalize(world, invoice))


def _pay(world: World, ask: Ask) -> Document:
    """Try to collect now. A decline is a 402, and what it did stays done."""
    invoice = _known(world, ask)
    if invoice["status"] == "draft":
        invoice = collecting.finalize(world, invoice)
        if invoice["status"] == "paid":
            return shown(world, invoice)
    _check_open(invoice, "paid", {"open", "uncollectible"})
    if ask.get("paid_out_of_band"):
        paid = settling.mark_paid(world, invoice, outside=True)
        cycle.drop_intent(world, paid)
        return shown(world, paid)
    return shown(world, collecting.charge(world, invoice, ask))


def _check_open(invoice: Document, what: str, allowed: set[str]) -> None:
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid")
    if invoice["status"] not in allowed:
        raise invalid(
            f"You can only pass in open invoices. This invoice isn't open (it is "
            f"{invoice['status']} and cannot be {what}).",
            code="invoice_not_editable",
        )


def _send(world: World, ask: Ask) -> Document:
    invoice = _known(world, ask)
    if invoice["status"] == "draft":
        invoice = collecting.finalize(world, invoice)
    emit(world, "invoice.sent", invoice)
    return shown(world, invoice)


def _void(world: World, ask: Ask) -> Document:
    invoice = _known(world, ask)
    _check_open(invoice, "voided", {"open", "uncollectible"})
    return shown(world, cycle.void(world, invoice))


def _mark_uncollectible(world: World, ask: Ask) -> Document:
    invoice = _known(world, ask)
    _check_open(invoice, "marked uncollectible", {"open"})
    return shown(world, settling.mark_uncollectible(world, invoice))


def _list(world: World, ask: Ask) -> Document:
    wanted = ask.get("subscription")

    def keep(one: Document) -> bool:
        parent = one["parent"]
        return wanted is None or (
            parent is not None and parent["subscription_details"]["subscription"] == wanted
        )

    known = newest(world, "invoice", ask, "customer", "status", "collection_method")
    return page_of(world, ask, known, url="/v1/invoices", keep=keep)


def _list_lines(world: World, ask: Ask) -> Document:
    invoice = _known(world, ask)
    return page_of(world, ask, invoice["_lines"], url=invoice["lines"]["url"])


_COLLECTION = one_of("charge_automatically", "send_invoice")
_COMMON: dict[str, Kind] = {
    "auto_advance": boolean,
    "collection_method": _COLLECTION,
    "days_until_due": whole_number(0),
    "default_payment_method": text,
    "description": clearable(text),
    "due_date": integer,
    "footer": clearable(text),
    "metadata": metadata,
    "statement_descriptor": text,
}
_ALL, _ONE = "/v1/invoices", "/v1/invoices/{invoice}"


def _operation(method: str, path: str, name: str, handler: Any, **more: Any) -> Operation:  # noqa: ANN401
    return Operation(method, path, f"invoices.{name}", handler, **more)


OPERATIONS = [
    _operation(
        "POST",
        _ALL,
        "create",
        _create,
        fields={
            **_COMMON,
            "currency": currency,
            "customer": text,
            "pending_invoice_items_behavior": one_of("exclude", "include"),
            "subscription": text,
        },
        required=("customer",),
    ),
    _operation("GET", _ONE, "retrieve", _retrieve),
    _operation("POST", _ONE, "update", _update, fields=_COMMON),
    _operation("DELETE", _ONE, "delete", _delete),
    _operation(
        "POST", _ONE + "/finalize", "finalize_invoice", _finalize, fields={"auto_advance": boolean}
    ),
    _operation(
        "POST",
        _ONE + "/pay",
        "pay",
        _pay,
        fields={"off_session": boolean, "paid_out_of_band": boolean, "payment_method": text},
    ),
    _operation("POST", _ONE + "/send", "send_invoice", _send),
    _operation("POST", _ONE + "/void", "void_invoice", _void),
    _operation("POST", _ONE + "/mark_uncollectible", "mark_uncollectible", _mark_uncollectible),
    _operation("GET", _ONE + "/lines", "lines.list", _list_lines, fields=PAGE),
    _operation(
        "GET",
        _ALL,
        "list",
        _list,
        fields={
            **PAGE,
            **CREATED,
            "collection_method": _COLLECTION,
            "customer": text,
            "status": one_of("draft", "open", "paid", "uncollectible", "void"),
            "subscription": text,
        },
    ),
]
