import io
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from opside_local import report
from opside_local.books import compare
from opside_local.journey.people import ADA, Person
from opside_local.report import Row, rows


def case(claim_type: str, quantity: int, value_cents: int | None, currency: str = "usd"):
    return {
        "claimType": claim_type,
        "quantity": quantity,
        "valueCents": value_cents,
        "currency": currency,
    }


def line(claim_type: str, quantity: int, amount: int, charged: int, currency: str = "usd"):
    return {
        "claimType": claim_type,
        "currency": currency,
        "quantity": quantity,
        "amountCents": amount,
        "collectedCents": charged,
        "transferredCents": 0,
    }


def test_cases_and_payments_are_summed_by_claim_type_and_currency():
    found = rows(
        [case("lost", 2, 1000), case("lost", 1, 500, "GBP"), case("damaged", 1, 50)],
        [line("lost", 2, 900, 180), line("lost", 1, 100, 20)],
    )
    assert found == {
        ("damaged", "usd"): Row(found_cases=1, found_units=1, found_minor=50),
        ("lost", "gbp"): Row(found_cases=1, found_units=1, found_minor=500),
        ("lost", "usd"): Row(1, 2, 1000, 0, 3, 1000, 200, 0),
    }


def test_an_unknown_value_is_counted_and_never_guessed():
    found = rows([case("lost", 2, None), case("lost", 1, 300)], [])
    assert found["lost", "usd"].found_minor == 300
    assert found["lost", "usd"].unknown_values == 1


@dataclass
class Seller:
    person: Person = ADA
    cases: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)


def test_the_summary_shows_money_in_major_units_and_what_differs():
    proof = {"journals": 2, "unbalancedJournals": 0, "totals": {"usd": {"chargesGrossMinor": 200}}}
    books = {"unbalanced": 0, "currencies": {"usd": {"charges_gross": 201}}}
    out = io.StringIO()
    seller = Seller(cases=[case("lost", 2, 1000)], lines=[line("lost", 2, 1000, 200)])
    report.show([seller], compare(proof, books), Console(file=out, width=100))
    said = out.getvalue()
    assert "Ada, fee_only, USD" in said
    assert "10.00" in said
    assert "2 journals, 0 unbalanced" in said
    assert "differs USD charges: ours 200, the sandbox's 201" in said
    assert "equal to the cent" not in said
