"""Removal orders and their parcels."""

from collections.abc import Iterator

from opside_sandbox.amazon.reports.dialect import dialect_of
from opside_sandbox.amazon.view import View

_ORDERS = (
    "request-date", "order-id", "order-type", "service-speed", "order-status",
    "last-updated-date", "sku", "fnsku", "disposition", "requested-quantity",
    "cancelled-quantity", "disposed-quantity", "shipped-quantity", "in-process-quantity",
    "removal-fee", "currency",
)  # fmt: skip
_SHIPMENTS = (
    "request-date", "order-id", "shipment-date", "sku", "fnsku", "disposition",
    "shipped-quantity", "carrier", "tracking-number", "removal-order-type",
)  # fmt: skip
_FEE_MINOR = 97


def _state(disposition: str) -> str:
    return "Sellable" if disposition == "SELLABLE" else "Unsellable"


def removal_orders(view: View) -> Iterator[str]:
    """Removal orders last updated within the period."""
    currency, dialect = view.history.persona.store.currency, dialect_of(view.history.persona)
    rows = (
        (
            dialect.stamp(one.requested_at), one.order_id, one.order_type, "Standard",
            "Completed", dialect.stamp(one.updated_at), one.product.sku, one.product.fnsku,
            _state(one.disposition), str(one.requested), str(one.cancelled), str(one.disposed),
            str(one.shipped), "0", dialect.money(_FEE_MINOR * (one.disposed + one.shipped)),
            currency,
        )
        for one in view.history.removals
        if view.start <= one.updated_at <= view.end
    )  # fmt: skip
    return dialect.table(_ORDERS, rows)


def removal_shipments(view: View) -> Iterator[str]:
    """Parcels shipped within the period."""
    dialect = dialect_of(view.history.persona)
    rows = (
        (
            dialect.stamp(one.requested_at), one.order_id, dialect.stamp(parcel.at),
            one.product.sku, one.product.fnsku, _state(one.disposition), str(parcel.quantity),
            parcel.carrier, parcel.tracking, one.order_type,
        )
        for one in view.history.removals
        for parcel in view.within(list(one.parcels))
    )  # fmt: skip
    return dialect.table(_SHIPMENTS, rows)
