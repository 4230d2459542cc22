"""Invoice items: amounts that wait for an invoice."""

from opside_sandbox.stripe.billing import drafting, invoice_shape, lines, prices, pricing
from opside_sandbox.stripe.billing.listed import newest
from opside_sandbox.stripe.clocks import now_of
from opside_sandbox.stripe.errors import Document, invalid
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.fields import (
    Kind,
    boolean,
    currency,
    integer,
    metadata,
    record,
    text,
    whole_number,
)
from opside_sandbox.stripe.listing import PAGE, page_of
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World, merge_metadata, take


def _create(world: World, ask: Ask) -> Document:
    customer = world.need("customer", ask.params["customer"], param="customer", in_path=False)
    invoice = _draft(world, ask.get("invoice"))
    if subscription := ask.get("subscription"):
        world.need("subscription", subscription, param="subscription", in_path=False)
    now = now_of(world, customer)
    period = ask.get("period") or {"start": now, "end": now}
    amount, money = _amount(world, ask)
    item = drafting.new_item(
        world,
        customer,
        amount,
        (period["start"], period["end"]),
        **money,
        metadata=merge_metadata(None, ask.params),
        subscription=ask.get("subscription"),
        **{name: ask.get(name) for name in ("description", "discountable") if name in ask.params},
    )
    if invoice is not None:
        item = world.save({**item, "invoice": invoice["id"]})
        invoice_shape.add_lines(invoice, [lines.of_invoice_item(world, item)])
        invoice_shape.estimate(invoice, customer)
        world.save(invoice)
    return shown(world, item)


def _draft(world: World, invoice_id: str | None) -> Document | None:
    """Only a draft takes more lines."""
    if invoice_id is None:
        return None
    invoice = world.need("invoice", invoice_id, param="invoice", in_path=False)
    if invoice["status"] != "draft":
        raise invalid(
            "This invoice is no longer editable.", param="invoice", code="invoice_not_editable"
        )
    return invoice


def _amount(world: World, ask: Ask) -> tuple[int, Document]:
    """The amount, and what the item says of it."""
    given = {"price": (ask.get("pricing") or {}).get("price"), "price_data": ask.get("price_data")}
    quantity = ask.get("quantity", 1)
    if given["price"] or given["price_data"]:
        price = pricing.chosen(world, given, "pricing")
        if price["recurring"] is not None:
            raise invalid(
                "The price specified is set to `type=recurring` but this field only accepts "
                "prices with `type=one_time`.",
                param="pricing[price]",
            )
        more: Document = {
            "currency": price["currency"],
            "pricing": lines.pricing(price),
            "quantity": quantity,
        }
        return pricing.amount_of(price, quantity), more
    if "amount" not in ask.params or "currency" not in ask.params:
        raise invalid(
            "You must specify `amount` and `currency`, `price_data` or `pricing[price]`.",
            param="amount",
            code="parameter_missing",
        )
    return ask.params["amount"], {"currency": ask.params["currency"]}


def _known(world: World, ask: Ask) -> Document:
    return world.need("invoiceitem", ask.path["item"], param="invoiceitem")


def _retrieve(world: World, ask: Ask) -> Document:
    return shown(world, _known(world, ask))


def _update(world: World, ask: Ask) -> Document:
    item = _known(world, ask)
    _check_free(item)
    take(item, ask.params, "amount", "description", "discountable")
    item["net_amount"] = item["amount"]
    item["metadata"] = merge_metadata(item["metadata"], ask.params)
    return shown(world, world.save(item))


def _delete(world: World, ask: Ask) -> Document:
    item = _known(world, ask)
    _check_free(item)
    emit(world, "invoiceitem.deleted", item)
    return world.save({"id": item["id"], "object": "invoiceitem", "deleted": True})


def _check_free(item: Document) -> None:
    if item["invoice"] is not None:
        raise invalid(
            "The sandbox changes invoice items only while they wait for an invoice.",
            code="invoice_not_editable",
        )


def _list(world: World, ask: Ask) -> Document:
    waits = ask.get("pending")
    return page_of(
        world,
        ask,
        newest(world, "invoiceitem", ask, "customer", "invoice"),
        url="/v1/invoiceitems",
        keep=lambda one: waits in {None, one["invoice"] is None},
    )


_COMMON: dict[str, Kind] = {
    "amount": integer,
    "description": text,
    "discountable": boolean,
    "metadata": metadata,
}
_ONE = "/v1/invoiceitems/{item}"

OPERATIONS = [
    Operation(
        "POST",
        "/v1/invoiceitems",
        "invoice_items.create",
        _create,
        fields={
            **_COMMON,
            "currency": currency,
            "customer": text,
            "invoice": text,
            "period": record({"start": integer, "end": integer}, required=("start", "end")),
            "price_data": prices.PRICE_DATA,
            "pricing": record({"price": text}),
            "quantity": whole_number(0),
            "subscription": text,
        },
        required=("customer",),
    ),
    Operation("GET", _ONE, "invoice_items.retrieve", _retrieve),
    Operation("POST", _ONE, "invoice_items.update", _update, fields=_COMMON),
    Operation("DELETE", _ONE, "invoice_items.delete", _delete),
    Operation(
        "GET",
        "/v1/invoiceitems",
        "invoice_items.list",
        _list,
        fields={**PAGE, "customer": text, "invoice": text, "pending": boolean},
    ),
]
