"""GET_LEDGER_DETAIL_VIEW_DATA."""

from collections.abc import Iterator

from opside_sandbox.amazon.history.model import LedgerEvent
from opside_sandbox.amazon.reports.dialect import Dialect, dialect_of
from opside_sandbox.amazon.view import View

EVENT_TYPES = {
    "Adjustments", "CustomerReturns", "Receipts", "Shipments", "VendorReturns", "WhseTransfers",
}  # fmt: skip
_SPACED = (
    "Date", "FNSKU", "ASIN", "MSKU", "Title", "Event Type", "Reference ID", "Quantity",
    "Fulfillment Center", "Disposition", "Reason", "Country", "Reconciled Quantity",
    "Unreconciled Quantity", "Date and Time", "Store",
)  # fmt: skip


def _wanted(view: View) -> Iterator[LedgerEvent]:
    options = view.options
    for event in view.within(view.ledger()):
        product = event.product
        if options.get("eventType", event.event_type) != event.event_type:
            continue
        if options.get("FNSKU", product.fnsku) != product.fnsku:
            continue
        if options.get("MSKU", product.sku) != product.sku:
            continue
        if options.get("ASIN", product.asin) == product.asin:
            yield event


def ledger_detail(view: View) -> Iterator[str]:
    """One row an event; some accounts get the older header of fourteen unspaced names."""
    dialect = dialect_of(view.history.persona)
    header: tuple[str, ...] = _SPACED
    if dialect.older_ledger:
        header = tuple(name.replace(" ", "") for name in _SPACED[:14])
    return dialect.table(header, _events(dialect, view))


def _events(dialect: Dialect, view: View) -> Iterator[tuple[str, ...]]:
    store, paid = view.history.persona.store, view.reconciled_by_payment()
    for event in _wanted(view):
        product, more = event.product, paid[event.loss_id] if event.loss_id else 0
        cells = (
            dialect.day(event.at), product.fnsku, product.asin, product.sku, product.title,
            event.event_type, event.reference, str(event.quantity), event.centre,
            event.disposition, event.reason, store.country, str(event.reconciled + more),
            str(event.unreconciled - more),
        )  # fmt: skip
        yield cells if dialect.older_ledger else (*cells, dialect.stamp(event.at), store.name)
