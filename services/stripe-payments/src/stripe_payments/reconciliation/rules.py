"""Two sums over one object side by side, and what a difference means in words."""

from collections.abc import Mapping
from dataclasses import dataclass

Key = tuple[str, str]
"""Stripe object (or `BALANCE`) and currency."""
BALANCE = "balance"

_NOUN = {
    "ch": "charge",
    "py": "charge",
    "re": "refund",
    "pyr": "refund",
    "tr": "transfer",
    "trr": "transfer reversal",
    "du": "dispute",
    "dp": "dispute",
    "po": "payout",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """What our book and Stripe's account say an object moved, minor units."""

    reference: str
    currency: str
    ours_minor: int
    theirs_minor: int


def differences(ours: Mapping[Key, int], theirs: Mapping[Key, int]) -> list[Difference]:
    """Every object over which both sides differ, whichever of them knows it."""
    return [
        Difference(*key, ours_minor=ours.get(key, 0), theirs_minor=theirs.get(key, 0))
        for key in sorted({*ours, *theirs})
        if ours.get(key, 0) != theirs.get(key, 0)
    ]


def cause(found: Difference) -> str:
    """What probably happened, as a sentence for a person."""
    if found.reference == BALANCE:
        return "the balance at Stripe is not what our book says"
    noun = _NOUN.get(found.reference.partition("_")[0], "movement")
    if found.ours_minor == 0:
        return f"Stripe has a {noun} that our book does not have"
    if found.theirs_minor == 0:
        return f"our book has a {noun} that Stripe does not have"
    return f"the {noun} has one amount in our book and another at Stripe"
