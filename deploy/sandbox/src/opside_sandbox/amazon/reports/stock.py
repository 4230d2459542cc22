"""The stock picture, and the report and API that show it."""

from collections import Counter
from collections.abc import Iterator

from opside_sandbox.amazon.history.model import History
from opside_sandbox.amazon.reports.dialect import Dialect, dialect_of
from opside_sandbox.amazon.view import View

_COLUMNS = (
    "sku", "fnsku", "asin", "product-name", "condition", "your-price", "mfn-listing-exists",
    "mfn-fulfillable-quantity", "afn-listing-exists", "afn-warehouse-quantity",
    "afn-fulfillable-quantity", "afn-unsellable-quantity", "afn-reserved-quantity",
    "afn-total-quantity", "per-unit-volume", "afn-inbound-working-quantity",
    "afn-inbound-shipped-quantity", "afn-inbound-receiving-quantity",
    "afn-researching-quantity", "afn-reserved-future-supply", "afn-future-supply-buyable",
    "store",
)  # fmt: skip
_RESERVED = (
    "sku", "fnsku", "asin", "product-name", "reserved_qty", "reserved_customerorders",
    "reserved_fc-transfers", "reserved_fc-processing", "program",
)  # fmt: skip


def stock(view: View) -> Counter[tuple[str, str]]:
    """(FNSKU, disposition) -> units in the centres."""
    units: Counter[tuple[str, str]] = Counter()
    for event in view.ledger():
        units[event.product.fnsku, event.disposition] += event.quantity
    return units


def receiving(history: History) -> Counter[str]:
    """FNSKU -> units of shipments that are still being received."""
    open_ids = {one.shipment_id for one in history.shipments if one.status == "RECEIVING"}
    units: Counter[str] = Counter()
    for line in history.inbound_lines:
        if line.shipment_id in open_ids:
            units[line.product.fnsku] += line.shipped - line.received
    return units


def unsuppressed_inventory(view: View) -> Iterator[str]:
    """GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA: a snapshot, no dates."""
    dialect = dialect_of(view.history.persona)
    return dialect.table(_COLUMNS, _stock_rows(dialect, view))


def _stock_rows(dialect: Dialect, view: View) -> Iterator[tuple[str, ...]]:
    history, units = view.history, stock(view)
    coming = receiving(history)
    for product in history.products:
        sellable = units[product.fnsku, "SELLABLE"]
        every = sum(count for (fnsku, _), count in units.items() if fnsku == product.fnsku)
        numbers = (every, sellable, every - sellable, 0, every + coming[product.fnsku])
        yield (
            product.sku, product.fnsku, product.asin, product.title, "New",
            dialect.money(product.price_minor), "No", "", "Yes", *map(str, numbers),
            dialect.number("0.08"), "0", "0", str(coming[product.fnsku]), "0", "0", "0",
            history.persona.store.name,
        )  # fmt: skip


def reserved_inventory(view: View) -> Iterator[str]:
    """GET_RESERVED_INVENTORY_DATA: a snapshot; nothing is reserved in this history."""
    rows = (
        (one.sku, one.fnsku, one.asin, one.title, "0", "0", "0", "0", "FBA")
        for one in view.history.products
    )
    return dialect_of(view.history.persona).table(_RESERVED, rows)
