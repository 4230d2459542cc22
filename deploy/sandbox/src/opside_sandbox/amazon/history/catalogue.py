"""The seller's products."""

import random
from collections.abc import Iterator

from opside_sandbox.amazon.history.model import Product, Size
from opside_sandbox.amazon.identifiers import mixed, upper
from opside_sandbox.amazon.personas import Persona

_KINDS = (
    'Steel Bowl 6"', "Bamboo Cutting Board", "Garlic Press", "Yoga Mat 72\" x 24\"",
    "LED Desk Lamp", "Silicone Spatula Set", "Dog Leash, 5 ft", "Travel Mug 16 oz",
    "Resistance Bands", "Phone Stand", "Shower Caddy", "Picture Frame 8\" x 10\"",
    "Café Press 1 l", "Kids' Puzzle", "Reading Pillow", "Garden Gloves",
)  # fmt: skip
_GERMAN = (
    'Küchenmesser 8"', "Spülbürste", "Gewürzregal", "Übungsmatte 183 x 61", "Türstopper",
    "Größenverstellbare Leine", "Kaffeemühle", "Bürostuhlkissen",
)  # fmt: skip
_JAPANESE = (
    '包丁 8"', "竹まな板", "キッチンはかり①", "ヨガマット№1厚手", "デスクライト", "水筒 500㏄",
    "犬用リード", "枕カバー",
)  # fmt: skip
_WORDS = {"de_DE": _GERMAN, "ja_JP": _JAPANESE}
_COLOURS = ("Black", "White", "Sage", "Navy", "Coral")
_SIZES = (
    Size("Small standard-size", 306, ("9.2", "5.1", "0.7"), "0.62"),
    Size("Large standard-size", 425, ("13.4", "8.0", "3.5"), "1.31"),
    Size("Large standard-size", 540, ("16.0", "11.2", "5.9"), "2.78"),
    Size("Large bulky", 961, ("31.5", "17.8", "9.4"), "12.40"),
)
_LARGEST = Size("Extra-large 0 to 50 lb", 2633, ("52.0", "20.0", "14.0"), "31.00")


def next_larger(size: Size) -> Size:
    """The size that a product of this one is taken for when it is measured wrong."""
    following = (*_SIZES[1:], _LARGEST)
    return dict(zip(_SIZES, following, strict=True))[size]


def products(persona: Persona, rng: random.Random) -> Iterator[Product]:
    """The products, one after another; about a third of Amazon's estimates lie below the seller's cost."""
    kinds = _WORDS.get(persona.store.language, _KINDS)
    for index in range(persona.skus):
        size = rng.choices(_SIZES, weights=(3, 5, 3, 1))[0]
        price = rng.randrange(1499, 5999, 50) + (1200 if size.fulfilment_minor > 900 else 0)
        cost = max(180, price * rng.randrange(18, 34) // 100)
        low = cost * rng.randrange(72, 95) // 100
        title = f"{kinds[index % len(kinds)]}, {_COLOURS[index // len(kinds) % 5]}"
        yield Product(
            index,
            f"{persona.key[:2].upper()}-{upper(rng, 4)}-{index + 1:03d}",
            "X00" + upper(rng, 7),
            "B0" + upper(rng, 8),
            f"{title} ({mixed(rng, 3)})",
            price,
            cost,
            rng.choice((cost, cost, low)),
            rng.choice((1500, 1500, 800)),
            size.fulfilment_minor,
            size.sides,
            size.weight,
            size.tier,
        )
