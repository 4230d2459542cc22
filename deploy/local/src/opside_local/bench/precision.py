"""How much of what is claimed is owed: sellers of every marketplace, beside the generator's truth."""

from opside_local.accuracy import Accuracy, Seller, examine, words
from opside_local.bench.figures import Figures

UNIT = "% of claimed units"
SELLERS = (
    *(
        Seller(like, f"accuracy-{number}")
        for like in ("ada", "cleo", "dieter", "yuki", "chloe")
        for number in range(2)
    ),
    *(Seller("dora", f"clean-{number}") for number in range(2)),
)
"""United States, United Kingdom, Germany, Japan, Canada, and two to whom nothing is owed."""
WHOLE = 100.0
_examined: list[Accuracy] = []


async def measure() -> Figures:
    """The floor is the truth; by money and by claim type in the notes."""
    found = await accuracy()
    return Figures(WHOLE * found.all_units.precision, WHOLE, "; ".join(words(found)))


async def accuracy() -> Accuracy:
    """Examined once for both rows."""
    if not _examined:
        _examined.append(await examine(SELLERS))
    return _examined[0]
