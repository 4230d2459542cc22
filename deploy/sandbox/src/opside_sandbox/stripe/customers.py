"""Customers."""

from typing import Any

from opside_sandbox.stripe import clocks, payment_methods
from opside_sandbox.stripe.errors import Document, missing
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.fields import (
    ADDRESS,
    Kind,
    clearable,
    integer,
    list_of,
    metadata,
    one_of,
    record,
    text,
)
from opside_sandbox.stripe.listing import CREATED, PAGE, page, page_of
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World, merge_metadata, take

_TEXTS = ("description", "email", "name", "phone")


def _create(world: World, ask: Ask) -> Document:
    return shown(world, make(world, ask))


def make(world: World, ask: Ask) -> Document:
    """A new customer, and the event."""
    customer_id = world.new_id("customer")
    customer: Document = {
        "id": customer_id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": clocks.created_on(world, ask.get("test_clock")),
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": world.state.token("invoice_prefix", 8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": merge_metadata(None, ask.params),
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": ask.get("test_clock"),
    }
    _fill(customer, ask)
    world.save(customer)
    if source := ask.get("payment_method"):
        method = payment_methods.resolve(world, source)
        payment_methods.attach_to(world, method, customer_id)
    _set_default_method(world, customer, ask.get("invoice_settings"))
    world.save(customer)
    emit(world, "customer.created", customer)
    return customer


def _fill(customer: Document, ask: Ask) -> None:
    take(customer, ask.params, *_TEXTS, "address", "shipping", "preferred_locales", "balance")
    if ask.get("tax_exempt"):
        customer["tax_exempt"] = ask.get("tax_exempt")


def _set_default_method(world: World, customer: Document, given: Document | None) -> None:
    """A default payment method must be attached to this customer."""
    if given is None or "default_payment_method" not in given:
        return
    method_id = given["default_payment_method"]
    if method_id is not None:
        method = world.get("payment_method", method_id)
        if method is None or method["customer"] != customer["id"]:
            raise missing(
                "PaymentMethod",
                method_id,
                param="invoice_settings[default_payment_method]",
                in_path=False,
            )
    customer["invoice_settings"]["default_payment_method"] = method_id


def _retrieve(world: World, ask: Ask) -> Document:
    known = world.get("customer", ask.path["customer"])
    if known is not None and known.get("deleted"):
        return known
    return shown(world, world.need("customer", ask.path["customer"]))


def _update(world: World, ask: Ask) -> Document:
    customer = world.need("customer", ask.path["customer"])
    before = world.need("customer", ask.path["customer"])
    _fill(customer, ask)
    customer["metadata"] = merge_metadata(customer["metadata"], ask.params)
    _set_default_method(world, customer, ask.get("invoice_settings"))
    world.save(customer)
    if customer != before:
        emit(world, "customer.updated", customer, before=before)
    return shown(world, customer)


def _delete(world: World, ask: Ask) -> Document:
    return remove(world, world.need("customer", ask.path["customer"]))


def remove(world: World, customer: Document) -> Document:
    """The customer goes, with his subscriptions and cards."""
    emit(world, "customer.deleted", customer)
    for method in _methods(world, customer["id"]):
        payment_methods.detach(world, method)
    return world.save({"id": customer["id"], "object": "customer", "deleted": True})


def _methods(world: World, customer_id: str) -> list[Document]:
    return world.state.store.list(
        world.collection("payment_method"), newest_first=True, customer=customer_id
    )


def _list(world: World, ask: Ask) -> Document:
    """Those on a test clock are listed for that clock only."""
    clock = ask.get("test_clock")
    return page(
        world,
        ask,
        "customer",
        url="/v1/customers",
        keep=lambda one: one["test_clock"] == clock,
    )


def _list_methods(world: World, ask: Ask) -> Document:
    customer = world.need("customer", ask.path["customer"], param="customer")
    wanted = ask.get("type")
    return page_of(
        world,
        ask,
        _methods(world, customer["id"]),
        url=f"/v1/customers/{customer['id']}/payment_methods",
        keep=lambda one: wanted in {None, one["type"]},
    )


def _retrieve_method(world: World, ask: Ask) -> Document:
    method = world.need("payment_method", ask.path["method"], param="payment_method")
    if method["customer"] != ask.path["customer"]:
        raise missing("payment_method", method["id"], param="payment_method")
    return shown(world, method)


_SHIPPING = clearable(record({"address": ADDRESS, "name": text, "phone": clearable(text)}))
_FIELDS: dict[str, Kind] = {
    **dict.fromkeys(_TEXTS, clearable(text)),
    "address": ADDRESS,
    "shipping": _SHIPPING,
    "balance": integer,
    "metadata": metadata,
    "preferred_locales": list_of(text),
    "tax_exempt": one_of("exempt", "none", "reverse"),
    "invoice_settings": record({"default_payment_method": clearable(text)}),
}
_ONE = "/v1/customers/{customer}"


def _operation(method: str, path: str, name: str, handler: Any, **more: Any) -> Operation:  # noqa: ANN401
    return Operation(method, path, f"customers.{name}", handler, **more)


OPERATIONS = [
    _operation(
        "POST",
        "/v1/customers",
        "create",
        _create,
        fields={**_FIELDS, "payment_method": text, "test_clock": text},
    ),
    _operation(
        "GET",
        "/v1/customers",
        "list",
        _list,
        fields={**PAGE, **CREATED, "email": text, "test_clock": text},
    ),
    _operation("GET", _ONE, "retrieve", _retrieve),
    _operation("POST", _ONE, "update", _update, fields=_FIELDS),
    _operation("DELETE", _ONE, "delete", _delete),
    _operation(
        "GET",
        _ONE + "/payment_methods",
        "list_payment_methods",
        _list_methods,
        fields={**PAGE, "type": text},
    ),
    _operation(
        "GET", _ONE + "/payment_methods/{method}", "retrieve_payment_method", _retrieve_method
    ),
]
