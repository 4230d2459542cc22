"""The search index: what an object was when the index last caught up with it."""

from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.world import World, unindexed

LAG_SECONDS = 10
"""On the clock. Stripe says under a minute; never search for what was just written."""


def known(world: World, kind: str) -> list[Document]:
    """All objects of a kind as the index has them, the newest first."""
    _catch_up(world, kind)
    found = world.state.store.list(_index(world, kind), newest_first=True)
    return sorted(found, key=lambda one: -int(one["created"]))


def _index(world: World, kind: str) -> str:
    return f"{world.collection(kind)}.index"


def _catch_up(world: World, kind: str) -> None:
    store, index = world.state.store, _index(world, kind)
    for row in store.list(unindexed(world, kind)):
        if row["since"] + LAG_SECONDS > world.now():
            continue
        store.delete(unindexed(world, kind), row["id"])
        document = world.get(kind, row["id"])
        if document is None or document.get("deleted"):
            store.delete(index, row["id"])
        else:
            store.put(index, row["id"], document)
