"""The lines of goods and their total, checked by their own arithmetic."""

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from integrations_backend.invoices.amounts import Style, amount
from integrations_backend.invoices.page_text import Line
from integrations_backend.invoices.reading import SURE_BP, Field, Goods
from integrations_backend.invoices.table import Row, Table
from integrations_backend.invoices.vocabulary import ADDED, SUBTOTAL, TOTAL, Column, folded

PROVED_BP, ROUNDED_BP, LIKELY_BP, DOUBTFUL_BP = 9_700, 8_000, 6_000, 3_000
LARGEST_MINOR = 9_999_999_999

Priced = tuple[tuple[Goods, ...], Field[int]]
"""Lines, and the total in minor units."""


def priced(lines: Sequence[Line], table: Table | None, exponent: int) -> Priced:
    """The goods of a table and the total below it; the sum of the one proves the other."""
    style = style_of(table)
    total, field = _total(lines, table, style, exponent)
    if table is None:
        return (), field
    goods = tuple(_goods(row, style, exponent) for row in table.rows)
    if _has_two_readings(table):
        goods = tuple(map(_doubted, goods))
    summed = sum((_whole(one) for one in goods), Decimal())
    added = sum(_numbers_at(ADDED, lines, table, style), Decimal())
    subtotals = _numbers_at(SUBTOTAL, lines, table, style)
    agrees = total in {summed, summed + added} and (not subtotals or summed in subtotals)
    if agrees:
        return tuple(map(_proved, goods)), _judged(field, PROVED_BP, "the lines add up to it")
    reason = "there is no total" if total is None else "the lines do not add up to the total"
    doubted = tuple(
        replace(
            one,
            confidence_bp=min(one.confidence_bp, LIKELY_BP),
            reasons=(*one.reasons, reason),
        )
        for one in goods
    )
    return doubted, _judged(field, min(field.confidence_bp, LIKELY_BP), reason)


def _proved(one: Goods) -> Goods:
    """A line of a bill that adds up; what was doubtful by itself stays so."""
    if not LIKELY_BP <= one.confidence_bp <= SURE_BP or one.confidence_bp == ROUNDED_BP:
        return one
    reasons = (*one.reasons, "the lines add up to the total")
    return replace(one, confidence_bp=PROVED_BP, reasons=reasons)


def _has_two_readings(table: Table) -> bool:
    """3 pieces at 1,234 make 3,702 whatever the comma means; without a mark both are the same."""
    matches = {sum(_multiplies(row, style) for row in table.rows) for style in Style}
    prices = {tuple(row.value(Column.UNIT_COST, style) for row in table.rows) for style in Style}
    return len(matches) == 1 and len(prices) > 1


def _doubted(one: Goods) -> Goods:
    reasons = (*one.reasons, "its points and commas can be read in two ways")
    return replace(one, confidence_bp=DOUBTFUL_BP, reasons=reasons)


def _judged(field: Field[int], confidence_bp: int, reason: str) -> Field[int]:
    return replace(field, confidence_bp=confidence_bp, reasons=(*field.reasons, reason))


def _whole(one: Goods) -> Decimal:
    return (
        one.amount if one.amount is not None else (one.unit_cost or 0) * Decimal(one.quantity or 0)
    )


def style_of(table: Table | None) -> Style:
    """The style in which the most rows multiply out."""
    if table is None:
        return Style.POINT
    return max(Style, key=lambda style: sum(_multiplies(row, style) for row in table.rows))


def _multiplies(row: Row, style: Style) -> bool:
    quantity, unit, whole = (
        row.value(column, style) for column in (Column.QUANTITY, Column.UNIT_COST, Column.AMOUNT)
    )
    return None not in {quantity, unit, whole} and _is_product(quantity, unit, whole)


def _is_product(quantity: Decimal | None, unit: Decimal | None, whole: Decimal | None) -> bool:
    if quantity is None or unit is None or whole is None:
        return False
    # A price of more decimals than the amount shows is rounded in the amount.
    exponent = whole.as_tuple().exponent
    step = Decimal(1).scaleb(int(exponent) if isinstance(exponent, int) else 0)
    return (quantity * unit).quantize(step, ROUND_HALF_UP) == whole


def _goods(row: Row, style: Style, exponent: int) -> Goods:
    quantity, unit, whole = (
        row.value(column, style) for column in (Column.QUANTITY, Column.UNIT_COST, Column.AMOUNT)
    )
    confidence, reasons = LIKELY_BP, ["quantity and unit price stand under their headings"]
    if whole is not None:
        if _is_product(quantity, unit, whole):
            confidence = SURE_BP
            reasons.append("quantity times unit price is the amount")
        else:
            confidence = DOUBTFUL_BP
            reasons.append("quantity times unit price is not the amount")
    minor, exact = _minor(unit, exponent)
    if not exact:
        confidence = min(confidence, ROUNDED_BP)
        reasons.append(f"rounded from {unit}")
    units = int(quantity) if quantity is not None and quantity == int(quantity) else None
    if units is None or units <= 0 or minor is None or minor <= 0:
        confidence, minor = DOUBTFUL_BP, minor if minor and minor > 0 else None
        reasons.append("not a number of whole pieces at a price")
    if not (row.sku or row.fnsku or row.asin):
        confidence = DOUBTFUL_BP
        reasons.append("no code says which goods they are")
    return Goods(
        sku=row.sku[:100],
        fnsku=row.fnsku[:20],
        asin=row.asin[:20],
        description=row.description,
        quantity=units,
        unit_cost=unit,
        unit_cost_minor=minor,
        amount=whole,
        confidence_bp=confidence,
        reasons=tuple(reasons),
        place=row.line.place(),
    )


def _minor(value: Decimal | None, exponent: int) -> tuple[int | None, bool]:
    """In minor units, and whether nothing was rounded away."""
    if value is None or abs(value) * 10**exponent > LARGEST_MINOR:
        return None, True
    scaled = value.scaleb(exponent)
    rounded = scaled.quantize(Decimal(1), ROUND_HALF_UP)
    return int(rounded), rounded == scaled


def _numbers_at(
    label: re.Pattern[str], lines: Sequence[Line], table: Table, style: Style
) -> list[Decimal]:
    """The last number of each labelled line below the table."""
    found = []
    for line in lines[table.end :]:
        if label.match(folded(line.text)):
            values = [amount(word.text, style) for word in line.words]
            numbers = [one for one in values if one is not None]
            if numbers:
                found.append(numbers[-1])
    return found


def _total(
    lines: Sequence[Line], table: Table | None, style: Style, exponent: int
) -> tuple[Decimal | None, Field[int]]:
    """The last labelled total: what stands below it is no part of the bill."""
    last: tuple[Decimal, Line] | None = None
    for line in lines[table.end if table else 0 :]:
        if TOTAL.match(folded(line.text)) and not SUBTOTAL.match(folded(line.text)):
            numbers = [(amount(word.text, style), word) for word in line.words]
            values = [one for one, _ in numbers if one is not None]
            if values:
                last = (values[-1], line)
    if last is None:
        return None, Field(None, 0, ("no total is labelled",))
    value, line = last
    minor, exact = _minor(value, exponent)
    reasons = ("it is labelled",) if exact else ("it is labelled", "rounded")
    return value, Field(minor, LIKELY_BP, reasons, line.place())
