"""Customer shipments, returns and replacements."""

from collections.abc import Iterator

from opside_sandbox.amazon.reports.dialect import dialect_of
from opside_sandbox.amazon.view import View

_RETURNS = (
    "return-date", "order-id", "sku", "asin", "fnsku", "product-name", "quantity",
    "fulfillment-center-id", "detailed-disposition", "reason", "status", "license-plate-number",
    "customer-comments",
)  # fmt: skip
_SALES = (
    "shipment-date", "sku", "fnsku", "asin", "fulfillment-center-id", "quantity",
    "amazon-order-id", "currency", "item-price-per-unit", "shipping-price", "gift-wrap-price",
    "ship-city", "ship-state", "ship-postal-code",
)  # fmt: skip
_REPLACEMENTS = (
    "shipment-date", "sku", "asin", "fulfillment-center-id", "original-fulfillment-center-id",
    "quantity", "replacement-reason-code", "replacement-amazon-order-id",
    "original-amazon-order-id",
)  # fmt: skip
_COMMENTS = {"SELLABLE": "", "DEFECTIVE": "Stopped working", "CUSTOMER_DAMAGED": "Not as hoped"}
_PLACES = {"US": ("Springfield", "IL", "62701"), "GB": ("Leeds", "", "LS1 4AP")}


def customer_returns(view: View) -> Iterator[str]:
    """Units that came back within the period."""
    dialect = dialect_of(view.history.persona)
    rows = (
        (
            dialect.stamp(one.at), one.order.order_id, one.order.product.sku,
            one.order.product.asin, one.order.product.fnsku, one.order.product.title, "1",
            one.centre, one.disposition, one.reason, "Unit returned to inventory",
            one.licence_plate, _COMMENTS.get(one.disposition, ""),
        )
        for one in view.within(view.history.returns)
    )  # fmt: skip
    return dialect.table(_RETURNS, rows)


def shipment_sales(view: View) -> Iterator[str]:
    """Units sold within the period."""
    store, dialect = view.history.persona.store, dialect_of(view.history.persona)
    place = _PLACES.get(store.country, _PLACES["US"])
    rows = (
        (
            dialect.stamp(one.at), one.product.sku, one.product.fnsku, one.product.asin,
            one.centre, str(one.quantity), one.order_id, store.currency,
            dialect.money(one.product.price_minor), dialect.money(one.shipping_minor),
            dialect.money(0), *place,
        )
        for one in view.within(view.history.orders)
    )  # fmt: skip
    return dialect.table(_SALES, rows)


def replacements(view: View) -> Iterator[str]:
    """Units sent in place of others within the period."""
    dialect = dialect_of(view.history.persona)
    rows = (
        (
            dialect.stamp(one.at), one.original.product.sku, one.original.product.asin,
            one.centre, one.original.centre, "1", one.reason, one.order_id,
            one.original.order_id,
        )
        for one in view.within(view.history.replacements)
    )  # fmt: skip
    return dialect.table(_REPLACEMENTS, rows)
