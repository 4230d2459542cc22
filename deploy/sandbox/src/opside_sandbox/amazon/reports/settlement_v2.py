"""GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2: the same money, one amount a row."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from opside_sandbox.amazon.history.periods import Period
from opside_sandbox.amazon.reports.dialect import dialect_of
from opside_sandbox.amazon.reports.settlement import Row, booked
from opside_sandbox.amazon.view import View

COLUMNS = (
    "settlement-id", "settlement-start-date", "settlement-end-date", "deposit-date",
    "total-amount", "currency", "transaction-type", "order-id", "merchant-order-id",
    "adjustment-id", "shipment-id", "marketplace-name", "amount-type", "amount-description",
    "amount", "fulfillment-id", "posted-date", "posted-date-time", "order-item-code",
    "merchant-order-item-id", "merchant-adjustment-item-id", "sku", "quantity-purchased",
    "promotion-id",
)  # fmt: skip
_AMOUNTS = {
    "price-amount": ("ItemPrice", "price-type"),
    "item-related-fee-amount": ("ItemFees", "item-related-fee-type"),
    "promotion-amount": ("Promotion", "promotion-type"),
    "other-amount": ("other-transaction", "transaction-type"),
}
"""Column of the first layout -> amount type here, and the column that describes it."""
_DAY, _MOMENT = "%Y-%m-%d", "%Y-%m-%d %H:%M:%S UTC"
_GERMAN_DAY, _GERMAN_MOMENT = "%d.%m.%Y", "%d.%m.%Y %H:%M:%S UTC"


def _split(row: Row) -> Iterator[Row]:
    """One row an amount; the count of units alone has none and vanishes."""
    kept = {name: value for name, value in row.items() if name in COLUMNS}
    for name, (kind, described) in _AMOUNTS.items():
        if name in row:
            yield {
                **kept, "amount-type": kind, "amount-description": row[described],
                "amount": row[name],
            }  # fmt: skip


def settlement_v2(view: View, period: Period) -> Iterator[str]:
    """Totals first; dates `YYYY-MM-DD hh:mm:ss UTC` in the US, `DD.MM.YYYY ...` in Europe."""
    persona = view.history.persona
    dialect = replace(dialect_of(persona), quoted=False)
    european = persona.store.country in {"GB", "DE"}
    day_format, moment_format = (_GERMAN_DAY, _GERMAN_MOMENT) if european else (_DAY, _MOMENT)
    first, rows = booked(view, period)

    def cell(row: Row, name: str) -> str:
        value = row.get(name, "")
        if name == "posted-date-time":
            value = row.get("posted-date", "")
        if isinstance(value, datetime):
            return value.strftime(day_format if name == "posted-date" else moment_format)
        return value if isinstance(value, str) else dialect.money(value)

    def cells() -> Iterator[tuple[str, ...]]:
        for row in (first, *(part for one in rows for part in _split(one))):
            named: Row = {**row, "settlement-id": period.settlement_id}
            yield tuple(cell(named, name) for name in COLUMNS)

    return dialect.table(COLUMNS, cells())
