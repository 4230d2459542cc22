"""Histories of any size, one SKU at a time: memory holds one SKU's life, never the whole."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from opside_sandbox.amazon.history.catalogue import products
from opside_sandbox.amazon.history.generate import live
from opside_sandbox.amazon.history.inbound import deliveries
from opside_sandbox.amazon.history.model import History
from opside_sandbox.amazon.history.plan import stories_by_sku
from opside_sandbox.amazon.personas import Persona

PLANNED_SKUS = 40
"""The planted losses repeat every so many SKUs."""
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_STEP, _START = 48_271_000_337, 31_415_926_535
"""The step is odd and no multiple of 3, so that it meets every number below 36**7 once."""


def unique_fnsku(index: int) -> str:
    """Random ones would meet now and then among some hundred thousand SKUs."""
    number, letters = (_START + index * _STEP) % 36**7, []
    for _ in range(7):
        number, digit = divmod(number, 36)
        letters.append(_ALPHABET[digit])
    return "X00" + "".join(letters)


def lives(seed: str, persona: Persona, born: date) -> Iterator[History]:
    """The history of each SKU of the persona, `persona.skus` of them. Same seed, same histories."""
    whole = History(persona, born)
    calendar = deliveries(whole, random.Random(f"{seed}/stream/{persona.key}"))  # noqa: S311
    stories = stories_by_sku(
        skus=PLANNED_SKUS, claims=persona.claims, every_loss=persona.every_loss
    )
    naming = random.Random(f"{seed}/stream/{persona.key}/products")  # noqa: S311 (repeatable)
    for named in products(persona, naming):
        product = replace(named, fnsku=unique_fnsku(named.index))
        history = History(persona, born, products=[product], shipments=whole.shipments)
        live(seed, history, product, stories.get(product.index % PLANNED_SKUS, []), calendar)
        history.sort()
        yield history
