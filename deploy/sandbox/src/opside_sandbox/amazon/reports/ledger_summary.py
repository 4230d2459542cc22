"""GET_LEDGER_SUMMARY_VIEW_DATA."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from opside_sandbox.amazon.reports.dialect import Dialect, dialect_of
from opside_sandbox.amazon.view import View

_SUMMARY = (
    "Date", "FNSKU", "ASIN", "MSKU", "Title", "Disposition", "Starting Warehouse Balance",
    "In Transit Between Warehouses", "Receipts", "Customer Shipments", "Customer Returns",
    "Vendor Returns", "Warehouse Transfer In/Out", "Found", "Lost", "Damaged", "Disposed",
    "Other Events", "Ending Warehouse Balance", "Unknown Events", "Location", "Store",
)  # fmt: skip
_MOVEMENTS = _SUMMARY[8:18]
_BUCKETS = {
    "Receipts": "Receipts", "Shipments": "Customer Shipments",
    "CustomerReturns": "Customer Returns", "VendorReturns": "Vendor Returns",
    "WhseTransfers": "Warehouse Transfer In/Out",
    "F": "Found", "N": "Found", "M": "Lost", "5": "Lost", "6": "Damaged", "7": "Damaged",
    "E": "Damaged", "H": "Damaged", "K": "Damaged", "U": "Damaged", "D": "Disposed",
    "G": "Disposed",
}  # fmt: skip

_Stock = tuple[int, str, str]
"""Index of the product, disposition, and centre or country."""


def ledger_summary(view: View) -> Iterator[str]:
    """Balances and movements by SKU, disposition, place and period, where there is either.

    Monthly and by country unless asked otherwise (`aggregatedByTimePeriod`, `aggregateByLocation`).
    """
    dialect = dialect_of(view.history.persona)
    return dialect.table(_SUMMARY, _balances(dialect, view))


def _balances(dialect: Dialect, view: View) -> Iterator[tuple[str, ...]]:
    store = view.history.persona.store
    by_centre = view.options.get("aggregateByLocation") == "FC"
    balance: Counter[_Stock] = Counter()
    moved: defaultdict[tuple[str, _Stock], Counter[str]] = defaultdict(Counter)
    products = {one.index: one for one in view.history.products}
    labels = _labels(dialect, view)
    for event in view.ledger():
        place = event.centre if by_centre else store.country
        stock = (event.product.index, event.disposition, place)
        products[event.product.index] = event.product
        balance[stock] += 0
        if event.at < view.start:
            balance[stock] += event.quantity
        elif event.at <= view.end:
            bucket = _BUCKETS.get(event.reason or event.event_type, "Other Events")
            moved[labels[event.at.date()], stock][bucket] += event.quantity
    for label in dict.fromkeys(labels.values()):
        for stock in sorted(balance):
            moves, start = moved.get((label, stock), Counter()), balance[stock]
            if not start and not moves:
                continue
            columns = [moves[name] for name in _MOVEMENTS]
            balance[stock] = start + sum(columns)
            index, disposition, place = stock
            one, numbers = products[index], (start, 0, *columns, balance[stock], 0)
            yield (
                label, one.fnsku, one.asin, one.sku, one.title, disposition,
                *map(str, numbers), place, store.name,
            )  # fmt: skip


def _labels(dialect: Dialect, view: View) -> dict[date, str]:
    """Each day of the period, from the first row on, with the name of its month, week or itself."""
    period = view.options.get("aggregatedByTimePeriod", "MONTHLY")
    form = "%m/%Y" if period == "MONTHLY" else dialect.day_format
    first = min((one.at for one in view.ledger()), default=view.end)
    day, last = max(first, view.start).date(), min(view.end, view.as_of).date()
    found: dict[date, str] = {}
    while day <= last:
        monday = datetime.fromisocalendar(*day.isocalendar()[:2], 1)
        found[day] = (monday if period == "WEEKLY" else day).strftime(form)
        day += timedelta(days=1)
    return found
