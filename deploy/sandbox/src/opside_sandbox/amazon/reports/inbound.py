"""GET_FBA_FULFILLMENT_INBOUND_NONCOMPLIANCE_DATA."""

from collections.abc import Iterator

from opside_sandbox.amazon.history.model import InboundLine, InboundShipment
from opside_sandbox.amazon.reports.dialect import Dialect, dialect_of
from opside_sandbox.amazon.view import View

_COLUMNS = (
    "issue-reported-date", "shipment-creation-date", "fba-shipment-id", "fba-carton-id",
    "fulfillment-center-id", "sku", "fnsku", "asin", "product-name", "problem-type",
    "problem-quantity", "expected-quantity", "received-quantity",
    "performance-measurement-unit", "coaching-level", "fee-type", "currency", "fee-total",
    "problem-level", "alert-status",
)  # fmt: skip


def noncompliance(view: View) -> Iterator[str]:
    """One row a SKU of a closed shipment that was received short within the period."""
    dialect = dialect_of(view.history.persona)
    return dialect.table(_COLUMNS, _rows(dialect, view))


def _rows(dialect: Dialect, view: View) -> Iterator[tuple[str, ...]]:
    currency = view.history.persona.store.currency
    shipments = {one.shipment_id: one for one in view.history.shipments}
    for line in view.history.inbound_lines:
        shipment = shipments[line.shipment_id]
        short = line.shipped > line.received and shipment.status == "CLOSED"
        if short and view.start <= shipment.first_receipt <= view.end:
            yield _cells(dialect, line, shipment, currency)


def _cells(
    dialect: Dialect, line: InboundLine, shipment: InboundShipment, currency: str
) -> tuple[str, ...]:
    product = line.product
    return (
        dialect.stamp(shipment.first_receipt), dialect.stamp(shipment.created),
        shipment.shipment_id, "", shipment.centre, product.sku, product.fnsku, product.asin, product.title,
        "Quantity discrepancy", str(line.shipped - line.received), str(line.shipped),
        str(line.received), "Unit", "", "", currency, "", "SKU", "Open",
    )  # fmt: skip
