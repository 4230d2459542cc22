"""Names in a Stripe object by which a movement of money may belong to a case. Exact ones only.

Amounts and dates are no proof that two things belong together, so nothing is guessed from them.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Named(StrEnum):
    """What an identifier names."""

    CASE = "case"
    CLAIM = "claim"
    RECOVERY = "recovery"
    AMAZON_CASE = "amazon_case"
    ORDER = "order"


class Identifier(NamedTuple):
    """One name."""

    named: Named
    value: str


MOST_IDENTIFIERS = 20
_OURS = {
    Named.CASE: re.compile(r"cas_[0-9a-f]{32}"),
    Named.CLAIM: re.compile(r"clm_[0-9a-f]{32}"),
}
_ORDER = re.compile(r"(?<![0-9-])[0-9]{3}-[0-9]{7}-[0-9]{7}(?![0-9-])")
"""An Amazon order number has a shape that nothing else has."""
_BARE_NUMBER = re.compile(r"[0-9]{6,20}")
_NUMBER_KEYS = {
    "recoveryid": Named.RECOVERY,
    "reimbursementid": Named.RECOVERY,
    "amazoncaseid": Named.AMAZON_CASE,
}
"""A bare number says nothing: only under such a key it is believed."""


def identifiers_of(
    metadata: Mapping[str, object], texts: tuple[str | None, ...] = ()
) -> tuple[Identifier, ...]:
    """The names in an object's metadata, and in texts such as its description."""
    found: dict[Identifier, None] = {}
    for key, value in metadata.items():
        if not isinstance(value, str):
            continue
        named = _NUMBER_KEYS.get(re.sub(r"[^a-z]", "", key.lower()))
        if named is not None and _BARE_NUMBER.fullmatch(value.strip()):
            found[Identifier(named, value.strip())] = None
    for text in (*metadata.values(), *texts):
        if isinstance(text, str):
            for one in _shaped(text):
                found[one] = None
    return tuple(found)[:MOST_IDENTIFIERS]


def _shaped(text: str) -> list[Identifier]:
    ours = [Identifier(named, one) for named, shape in _OURS.items() for one in shape.findall(text)]
    return [*ours, *(Identifier(Named.ORDER, one) for one in _ORDER.findall(text))]
