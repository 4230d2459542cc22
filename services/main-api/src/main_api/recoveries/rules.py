"""When a fee may be asked for. Pure."""

from enum import StrEnum
from typing import Protocol

TAKEN_BACK_FIRST = "Amazon took all of it back before a fee was asked for"
OBJECTION_UPHELD = "the seller's objection was upheld"


class Outcome(StrEnum):
    """What an admin made of an objection."""

    UPHELD = "upheld"
    """The seller was right: there is no fee."""
    REJECTED = "rejected"
    """The fee is asked for after all."""


class Decided(Protocol):
    """An objection, as far as the rule needs it."""

    @property
    def outcome(self) -> str | None:
        """Null while undecided."""


def held_back(objection: Decided | None) -> bool:
    """True while an objection stands: it is undecided, or was upheld."""
    return objection is not None and objection.outcome != Outcome.REJECTED
