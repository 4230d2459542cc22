"""Billing's objects in the order of their own times, which a test clock may set anyhow."""

from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.world import Ask, World


def newest(world: World, kind: str, ask: Ask, *equal: str) -> list[Document]:
    """All of a kind whose fields equal the parameters of these names, the newest first."""
    where = {name: ask.params[name] for name in equal if name in ask.params}
    known = world.state.store.list(world.collection(kind), newest_first=True, where=where)
    return sorted(known, key=lambda one: -int(one.get("created", 0)))
