"""What Billing does by itself: one row per act and object, run in the order of their times.

An act without a test clock rides on a job of the courier; one with a test clock waits for its
advance. Either way a jump over many periods runs every act in between, at its own time.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from opside_sandbox.stripe import jobs
from opside_sandbox.stripe.clocks import TEST_CLOCK
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.world import World

Act = Callable[[World, str], None]
JOB = "billing"


def _rows(world: World) -> str:
    return world.collection("timeline")


def at(world: World, kind: str, owner: Document, due_at: int) -> None:
    """Do `kind` to the owner at this time; an earlier plan for the same is replaced."""
    row_id = f"{kind}:{owner['id']}"
    row = {
        "id": row_id,
        "kind": kind,
        "object": owner["id"],
        "clock": owner["test_clock"],
        "due_at": due_at,
    }
    world.state.store.put(_rows(world), row_id, row)
    if owner["test_clock"] is None:
        seconds = due_at - world.state.clock.now().timestamp()
        jobs.later(world, JOB, row_id, seconds=seconds)


def forget(world: World, kind: str, owner: Document) -> None:
    """Do not do it after all."""
    world.state.store.delete(_rows(world), f"{kind}:{owner['id']}")


def run(world: World, acts: Mapping[str, Act], *, until: int, clock: str | None = None) -> None:
    """Every act of this clock that is due until then, the earliest first."""
    while row := _earliest(world, until, clock):
        world.state.store.delete(_rows(world), row["id"])
        if clock is not None:
            shown_time = world.need(TEST_CLOCK, clock)
            world.save({**shown_time, "frozen_time": max(row["due_at"], shown_time["frozen_time"])})
        acts[row["kind"]](replace(world, as_of=row["due_at"]), row["object"])


def _earliest(world: World, until: int, clock: str | None) -> Document | None:
    waiting = world.state.store.list(_rows(world), clock=clock)
    due = [row for row in waiting if row["due_at"] <= until]
    return min(due, key=lambda row: int(row["due_at"]), default=None)
