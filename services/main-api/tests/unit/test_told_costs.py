"""Of accepted invoices of one day one tells the cost, whichever was accepted first."""

from dataclasses import replace
from itertools import permutations

import pytest

from main_api.evidence.told_costs import LONGEST_SOURCE_CHARS, ToldCost, cost_in_force

READ = ToldCost("doc_1", "a.pdf", "Acme", "1", 2_000, 9_000)
CHEAPER = replace(READ, document_id="doc_2", file_name="b.pdf", number="2", minor=1_500)
TYPED = replace(READ, document_id="doc_3", file_name="c.pdf", number="3", minor=2_500)
TYPED = replace(TYPED, confidence_bp=10_000)


@pytest.mark.parametrize(
    ("told", "cost", "source"),
    [
        ([READ], 2_000, "a.pdf (1)"),
        ([READ, CHEAPER], 1_500, "b.pdf (2); a.pdf (1), of the same day, tells another cost"),
        (
            [READ, CHEAPER, TYPED],
            2_500,
            "c.pdf (3); b.pdf (2), of the same day, tells another cost",
        ),
        ([READ, replace(READ, document_id="doc_9", minor=2_100)], 2_000, "a.pdf (1)"),
        ([READ, replace(READ, document_id="doc_9", number="8")], 2_000, "a.pdf (1)"),
    ],
    ids=["alone", "the lower", "the typed one", "a copy", "the same cost"],
)
def test_the_surer_and_then_the_lower_counts(told: list[ToldCost], cost: int, source: str) -> None:
    for order in permutations(told):
        winner, said = cost_in_force(order)
        assert (winner.minor, said) == (cost, source)


def test_documents_without_a_number_are_not_taken_for_one_invoice() -> None:
    nameless = replace(READ, number="", supplier="")
    other = replace(nameless, document_id="doc_2", file_name="b.pdf", minor=3_000)
    assert (
        cost_in_force([nameless, other])[1] == "a.pdf; b.pdf, of the same day, tells another cost"
    )


def test_long_names_fit_the_cost_book() -> None:
    long = replace(READ, file_name="n" * 290)
    assert len(cost_in_force([long, CHEAPER, replace(long, minor=1)])[1]) <= LONGEST_SOURCE_CHARS
