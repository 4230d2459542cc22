"""How much of what is owed is claimed: the sellers of `precision`."""

from opside_local.accuracy import words
from opside_local.bench.figures import Figures
from opside_local.bench.precision import WHOLE, accuracy

UNIT = "% of owed units"


async def measure() -> Figures:
    """The floor is the truth; by money and by claim type in the notes."""
    found = await accuracy()
    return Figures(WHOLE * found.all_units.recall, WHOLE, "; ".join(words(found)))
