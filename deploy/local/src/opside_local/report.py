"""The summary of a demo: what was found, recovered, charged and transferred, and the proof."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

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
    console.print(_books(proof))
    console.print(
        f"our ledger: {proof.journals} journals, {proof.unbalanced} unbalanced", highlight=False
    )
    if not proof.differences:
        console.print("our books and Stripe's are equal to the cent in every currency")
    for difference in proof.differences:
        console.print(f"[red]differs[/] {difference}", highlight=False)


def _found_and_paid(sellers: Sequence[Seller]) -> Table:
    table = Table("seller", "claim type", title="what Amazon owed", title_justify="left")
    for heading in ("cases", "units", "value found", "units paid", "recovered", "charged",
                    "transferred"):  # fmt: skip
        table.add_column(heading, justify="right")
    for seller in sellers:
        by_type = rows(seller.cases, seller.lines)
        totals: dict[str, Row] = defaultdict(Row)
        for (claim_type, currency), row in by_type.items():
            totals[currency] += row
            table.add_row(seller.person.name, claim_type, *_cells(row, currency))
        for currency, row in totals.items():
            mode = f"[bold]all[/] ({seller.person.collection})"
            table.add_row(seller.person.name, mode, *_cells(row, currency), end_section=True)
    return table


def _cells(row: Row, currency: str) -> list[str]:
    unknown = f" + {row.unknown_values} of unknown value" if row.unknown_values else ""
    return [
        str(row.found_cases),
        str(row.found_units),
        f"{Money(row.found_minor, currency)}{unknown}",
        str(row.recovered_units),
        str(Money(row.recovered_minor, currency)),
        str(Money(row.charged_minor, currency)),
        str(Money(row.transferred_minor, currency)),
    ]


def _books(proof: Comparison) -> Table:
    table = Table("currency", "total", title="both books", title_justify="left")
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
