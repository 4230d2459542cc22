"""The whole history of a persona: same seed and day, same history."""

import random
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache

from opside_sandbox.amazon.history.catalogue import products
from opside_sandbox.amazon.history.customers import (
    ordinary_orders,
    tell_replacement,
    tell_return,
)
from opside_sandbox.amazon.history.desk import Desk
from opside_sandbox.amazon.history.fees import owe_fees, tell_fee
from opside_sandbox.amazon.history.inbound import FIRST_DAY, Delivery, deliveries, receive
from opside_sandbox.amazon.history.model import History, Product
from opside_sandbox.amazon.history.plan import (
    FEE_PREVIEWED,
    FEE_REMEASURED,
    FEE_REPACKAGED,
    FEE_STABLE,
    Story,
    stories_by_sku,
)
from opside_sandbox.amazon.history.removals import clean_up, tell_removal
from opside_sandbox.amazon.history.warehouse import tell_warehouse
from opside_sandbox.amazon.personas import Persona
from opside_sandbox.state import SandboxState

_TELL: dict[str, Callable[[Desk, Story], None]] = {
    "warehouse_lost": tell_warehouse,
    "warehouse_damaged": tell_warehouse,
    "customer_return": tell_return,
    "replacement": tell_replacement,
    "removal_lost": tell_removal,
    FEE_STABLE: tell_fee,
    FEE_REMEASURED: tell_fee,
    FEE_REPACKAGED: tell_fee,
    FEE_PREVIEWED: tell_fee,
}


@lru_cache(maxsize=16)
def _generated(seed: str, persona: Persona, born: date) -> History:
    history = History(persona, born)
    if not persona.skus:
        return history
    planning = random.Random(f"{seed}/amazon/{persona.key}")  # noqa: S311 (repeatable)
    history.products = list(products(persona, planning))
    calendar = deliveries(history, planning)
    stories = stories_by_sku(
        skus=persona.skus, claims=persona.claims, every_loss=persona.every_loss
    )
    for product in history.products:
        live(seed, history, product, stories.get(product.index, []), calendar)
    history.sort()
    return history


def live(
    seed: str, history: History, product: Product, stories: list[Story], calendar: list[Delivery]
) -> None:
    """Everything that happens to one SKU; its deliveries follow from the rest."""
    rng = random.Random(f"{seed}/amazon/{history.persona.key}/{product.index}")  # noqa: S311
    desk = Desk(history, product, rng)
    for story in stories:
        if story.kind in _TELL:
            _TELL[story.kind](desk, story)
    ordinary_orders(desk, desk.history.persona.orders_per_sku, FIRST_DAY + 6)
    owe_fees(desk, stories)
    clean_up(desk)
    for _ in range(4):
        _transfer(desk)
    receive(desk, calendar, stories)


def _transfer(desk: Desk) -> None:
    """Units on the way from one centre to another: two rows that net to zero."""
    day, units = desk.rng.randrange(FIRST_DAY + 10, -2), desk.rng.randrange(1, 5)
    source = desk.row(desk.at(day), "WhseTransfers", -units)
    desk.row(
        source.at + timedelta(hours=desk.rng.randrange(1, 4)),
        "WhseTransfers",
        units,
        reference=source.reference,
    )


def birthday(state: SandboxState) -> date:
    """The day on which this state was created; every history ends there."""
    kept = state.store.get("amazon.birth", "day")
    if kept is None:
        kept = {"date": state.clock.now().date().isoformat()}
        state.store.put("amazon.birth", "day", kept)
    return date.fromisoformat(kept["date"])


def history_of(state: SandboxState, persona: Persona) -> History:
    """The persona's history; made once a process, shared, never to be changed."""
    return _generated(state.seed, persona, birthday(state))
