"""Products: what is sold."""

from opside_sandbox.stripe.billing.prices import RECURRING
from opside_sandbox.stripe.billing.pricing import decimal_amount, new_price, new_product
from opside_sandbox.stripe.errors import Document, invalid
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.fields import (
    Kind,
    boolean,
    clearable,
    currency,
    list_of,
    metadata,
    record,
    text,
    whole_number,
)
from opside_sandbox.stripe.listing import CREATED, PAGE, page
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World, merge_metadata, take

_CLEARABLE = ("description", "unit_label", "url")


def _create(world: World, ask: Ask) -> Document:
    if (known := ask.get("id")) and world.get("product", known):
        raise invalid("Product already exists.", param="id", code="resource_already_exists")
    product = new_product(world, ask.params)
    if price := ask.get("default_price_data"):
        made = new_price(world, {**price, "product": product["id"]})
        product["default_price"] = made["id"]
        world.save(product)
    return shown(world, product)


def _retrieve(world: World, ask: Ask) -> Document:
    return shown(world, world.need("product", ask.path["id"]))


def _update(world: World, ask: Ask) -> Document:
    product = world.need("product", ask.path["id"])
    before = dict(product)
    take(product, ask.params, *_CLEARABLE, "active", "images", "marketing_features", "name")
    take(product, ask.params, "shippable", "statement_descriptor")
    if default := ask.get("default_price"):
        price = world.need("price", default, param="default_price", in_path=False)
        if price["product"] != product["id"]:
            raise invalid(
                f"The price specified belongs to the product `{price['product']}` and cannot be "
                f"set as the default for `{product['id']}`.",
                param="default_price",
            )
        product["default_price"] = default
    product["metadata"] = merge_metadata(product["metadata"], ask.params)
    product["updated"] = world.now()
    world.save(product)
    emit(world, "product.updated", product, before=before)
    return shown(world, product)


def _delete(world: World, ask: Ask) -> Document:
    """Only a product that has no price can go."""
    product = world.need("product", ask.path["id"])
    if world.state.store.find(world.collection("price"), product=product["id"]):
        raise invalid(
            "This product cannot be deleted because it has one or more user-created prices."
        )
    emit(world, "product.deleted", product)
    return world.save({"id": product["id"], "object": "product", "deleted": True})


def _list(world: World, ask: Ask) -> Document:
    ids, active = ask.get("ids"), ask.get("active")

    def keep(one: Document) -> bool:
        return (not ids or one["id"] in ids) and active in {None, one["active"]}

    return page(world, ask, "product", url="/v1/products", keep=keep)


_FIELDS: dict[str, Kind] = {
    **dict.fromkeys(_CLEARABLE, clearable(text)),
    "active": boolean,
    "images": list_of(text),
    "marketing_features": list_of(record({"name": text}, required=("name",))),
    "metadata": metadata,
    "name": text,
    "shippable": boolean,
    "statement_descriptor": text,
}
_DEFAULT_PRICE = record(
    {
        "currency": currency,
        "metadata": metadata,
        "recurring": RECURRING,
        "unit_amount": whole_number(0),
        "unit_amount_decimal": decimal_amount,
    },
    required=("currency",),
)
_ONE = "/v1/products/{id}"

OPERATIONS = [
    Operation(
        "POST",
        "/v1/products",
        "products.create",
        _create,
        fields={**_FIELDS, "id": text, "default_price_data": _DEFAULT_PRICE},
        required=("name",),
    ),
    Operation("GET", _ONE, "products.retrieve", _retrieve),
    Operation("POST", _ONE, "products.update", _update, fields={**_FIELDS, "default_price": text}),
    Operation("DELETE", _ONE, "products.delete", _delete),
    Operation(
        "GET",
        "/v1/products",
        "products.list",
        _list,
        fields={**PAGE, **CREATED, "active": boolean, "ids": list_of(text), "url": text},
    ),
]
