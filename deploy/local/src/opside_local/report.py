"""The summary of a demo: what was found, recovered, charged and transferred, and the proof."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from opside_chassis.money import Money
from opside_local.books import LABELS, Comparison
from opside_local.journey.people import Person


class Seller(Protocol):
    """What the summary needs of a seller."""

    person: Person
    cases: list[dict[str, Any]]
    lines: list[dict[str, Any]]


@dataclass(slots=True)
class Row:
    """Units and money of one claim type in one currency, minor units."""

    found_cases: int = 0
    found_units: int = 0
    found_minor: int = 0
    unknown_values: int = 0
    recovered_units: int = 0
    recovered_minor: int = 0
    charged_minor: int = 0
    transferred_minor: int = 0

    def __add__(self, other: "Row") -> "Row":
        return Row(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


_LOOKS: Any = {
    "box": SIMPLE_HEAD,
    "pad_edge": False,
    "collapse_padding": True,
    "title_justify": "left",
    "title_style": "bold",
}
"""Both tables fit into 80 columns."""


Key = tuple[str, str]
"""Claim type, currency."""


def rows(cases: Iterable[Mapping[str, Any]], lines: Iterable[Mapping[str, Any]]) -> dict[Key, Row]:
    """What became of a seller's cases, by claim type and currency."""
    found: dict[Key, Row] = defaultdict(Row)
    for case in cases:
        row = found[case["claimType"], case["currency"].lower()]
        row.found_cases += 1
        row.found_units += case["quantity"]
        row.found_minor += case["valueCents"] or 0
        row.unknown_values += case["valueCents"] is None
    for line in lines:
        row = found[line["claimType"], line["currency"].lower()]
        row.recovered_units += line["quantity"]
        row.recovered_minor += line["amountCents"]
        row.charged_minor += line["collectedCents"]
        row.transferred_minor += line["transferredCents"]
    return dict(sorted(found.items()))


def show(sellers: Sequence[Seller], proof: Comparison, console: Console) -> None:
    """Print everything."""
    console.print(_found_and_paid(sellers))
    unknown = sum(case["valueCents"] is None for seller in sellers for case in seller.cases)
    if unknown:
        console.print(f"+?: the value of {unknown} cases is unknown without a cost document")
    console.print(_books(proof))
    console.print(
        f"our ledger: {proof.journals} journals, {proof.unbalanced} unbalanced", highlight=False
    )
    if not proof.differences:
        console.print("our books and Stripe's are equal to the cent in every currency")
    for difference in proof.differences:
        console.print(f"[red]differs[/] {difference}", highlight=False)


def _found_and_paid(sellers: Sequence[Seller]) -> Table:
    table = Table(title="what Amazon owed, in major units", **_LOOKS)
    table.add_column("", no_wrap=True)
    for heading in ("cases", "units\nfound", "value\nfound", "units\npaid"):
        table.add_column(heading, justify="right")
    for heading in ("recov-\nered", "charged", "trans-\nferred"):
        table.add_column(heading, justify="right")
    for seller in sellers:
        by_type = rows(seller.cases, seller.lines)
        for currency in sorted({currency for _, currency in by_type}):
            own = {kind: row for (kind, of), row in by_type.items() if of == currency}
            person = seller.person
            title = f"{person.name}, {person.collection}, {currency.upper()}"
            table.add_row(title, *_cells(sum(own.values(), Row()), currency), style="bold")
            for claim_type, row in own.items():
                table.add_row(f"  {claim_type.replace('_', ' ')}", *_cells(row, currency))
            table.add_section()
    return table


def _cells(row: Row, currency: str) -> list[str]:
    def money(amount_minor: int) -> str:
        return str(Money(amount_minor, currency).to_decimal())

    return [
        str(row.found_cases),
        str(row.found_units),
        money(row.found_minor) + ("+?" if row.unknown_values else ""),
        str(row.recovered_units),
        money(row.recovered_minor),
        money(row.charged_minor),
        money(row.transferred_minor),
    ]


def _books(proof: Comparison) -> Table:
    table = Table("currency", "total", title="both books", **_LOOKS)
    for heading in ("Opside's ledger", "Stripe's own book", ""):
        table.add_column(heading, justify="right")
    for line in proof.lines:
        table.add_row(
            line.currency.upper(),
            LABELS[line.total],
            str(Money(line.ours_minor, line.currency).to_decimal()),
            str(Money(line.theirs_minor, line.currency).to_decimal()),
            "equal" if line.equal else "[red]DIFFERS[/]",
        )
    return table
