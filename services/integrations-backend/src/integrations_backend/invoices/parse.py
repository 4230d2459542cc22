"""A paper's words to what it says."""

from collections.abc import Sequence

from integrations_backend.invoices.amounts import currencies_in
from integrations_backend.invoices.goods import priced
from integrations_backend.invoices.head import (
    date_of,
    kind_of,
    number_of,
    shipments_in,
    supplier_of,
)
from integrations_backend.invoices.page_text import DocumentText, Line
from integrations_backend.invoices.reading import Came, Field, Reading
from integrations_backend.invoices.table import Table, find_table
from integrations_backend.invoices.vocabulary import (
    CARRIAGE_INSIDE,
    TAKEN_OFF,
    TAX_INSIDE,
    folded,
)
from opside_chassis.money import minor_unit_exponent


def parse(text: DocumentText, came: Came) -> Reading:
    """All that can be read; what is absent says so."""
    lines = text.lines
    table = find_table(lines)
    currency = _currency(lines)
    goods, total = priced(lines, table, minor_unit_exponent(currency.value or "usd"))
    return Reading(
        kind=kind_of(lines),
        supplier=supplier_of(lines, came),
        number=number_of(lines, came),
        dated=date_of(lines, came),
        currency=currency,
        total_minor=total,
        goods=goods,
        shipments=shipments_in(lines),
        problems=_problems(text, table),
    )


def _currency(lines: Sequence[Line]) -> Field[str]:
    """The one currency that is named; of several none is sure."""
    where = {code: line for line in reversed(lines) for code in currencies_in(line.text)}
    if not where:
        return Field(None, 0, ("no currency is named",))
    labelled = [
        code
        for line in lines
        if folded(line.text).startswith(("currency", "wahrung", "devise", "moneda", "total"))
        for code in currencies_in(line.text)
    ]
    if len(where) == 1:
        ((code, line),) = where.items()
        return Field(code.lower(), 9_500, ("no other currency is named",), line.place())
    code = labelled[0] if labelled else next(iter(sorted(where)))
    reason = "several currencies are named: " + ", ".join(sorted(where))
    return Field(code.lower(), 4_000, (reason,), where[code].place())


def _problems(text: DocumentText, table: Table | None) -> tuple[str, ...]:
    """What makes a person look, however well the numbers agree."""
    found = []
    if text.cut:
        found.append("the paper is longer than is read")
    if table is not None and table.unread:
        found.append(f"{len(table.unread)} lines of goods could not be read")
    below = [folded(line.text) for line in text.lines[table.end if table else 0 :]]
    heading = folded(table.heading.text) if table else ""
    if any(TAKEN_OFF.search(one) for one in below):
        found.append("something is taken off: the unit prices are not what was paid")
    if any(TAX_INSIDE.search(one) for one in (*below, heading)):
        found.append("prices may include tax")
    if any(CARRIAGE_INSIDE.search(one) for one in (*below, heading)):
        found.append("prices may include carriage or duty")
    return tuple(found)
