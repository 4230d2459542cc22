"""GET_LEDGER_DETAIL_VIEW_DATA and GET_LEDGER_SUMMARY_VIEW_DATA."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from opside_sandbox.amazon.history.model import LedgerEvent, Product
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
_SUMMARY = (
    "Date", "FNSKU", "ASIN", "MSKU", "Title", "Disposition", "Starting Warehouse Balance",
    "In Transit Between Warehouses", "Receipts", "Customer Shipments", "Customer Returns",
    "Vendor Returns", "Warehouse Transfer In/Out", "Found", "Lost", "Damaged", "Disposed",
    "Other Events", "Ending Warehouse Balance", "Unknown Events", "Location", "Store",
)  # fmt: skip
_BUCKETS = {
    "Receipts": "Receipts", "Shipments": "Customer Shipments",
    "CustomerReturns": "Customer Returns", "VendorReturns": "Vendor Returns",
    "WhseTransfers": "Warehouse Transfer In/Out",
    "F": "Found", "N": "Found", "M": "Lost", "5": "Lost", "6": "Damaged", "7": "Damaged",
    "E": "Damaged", "H": "Damaged", "K": "Damaged", "U": "Damaged", "D": "Disposed",
    "G": "Disposed",
}  # fmt: skip


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


def ledger_summary(view: View) -> Iterator[str]:
    """Balances and movements by SKU, disposition and period (monthly unless asked otherwise)."""
    dialect = dialect_of(view.history.persona)
    return dialect.table(_SUMMARY, _balances(dialect, view))


def _balances(dialect: Dialect, view: View) -> Iterator[tuple[str, ...]]:
    store = view.history.persona.store
    period = view.options.get("aggregatedByTimePeriod", "MONTHLY")
    form = "%m/%Y" if period == "MONTHLY" else dialect.day_format
    groups: dict[tuple[str, int, str], dict[str, int]] = {}
    balance: defaultdict[tuple[int, str], int] = defaultdict(int)
    products: dict[int, Product] = {}
    for event in view.ledger():
        stock = (event.product.index, event.disposition)
        products[event.product.index] = event.product
        if view.start <= event.at <= view.end:
            key = (_period(event.at, period, form), *stock)
            group = groups.setdefault(key, defaultdict(int, {"start": balance[stock]}))
            group[_BUCKETS.get(event.reason or event.event_type, "Other Events")] += event.quantity
        balance[stock] += event.quantity
    for (day, index, disposition), group in groups.items():
        product = products[index]
        moves = {name: group.get(name, 0) for name in _SUMMARY[8:18]}
        end = group["start"] + sum(moves.values())
        numbers = (group["start"], 0, *moves.values(), end, 0)
        yield (
            day, product.fnsku, product.asin, product.sku, product.title, disposition,
            *map(str, numbers), store.country, store.name,
        )  # fmt: skip


def _period(at: datetime, period: str, form: str) -> str:
    if period == "WEEKLY":
        return datetime.fromisocalendar(*at.isocalendar()[:2], 1).strftime(form)
    return at.strftime(form)
