"""What Stripe does later by itself: rows with a time on the clock, run by the courier."""

from collections.abc import Callable, Mapping

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.world import World

JOBS = "stripe.job"
Job = Callable[[World, str], None]


def later(world: World, kind: str, object_id: str, *, seconds: float) -> None:
    """Do `kind` to the object of this account after a while."""
    due_at = world.state.clock.now().timestamp() + seconds
    number = world.state.store.next_number("job")
    world.state.store.put(
        JOBS,
        f"job_{number}",
        {
            "id": f"job_{number}",
            "kind": kind,
            "object": object_id,
            "account": world.account,
            "due_at": due_at,
        },
    )


def run_due(state: SandboxState, kinds: Mapping[str, Job]) -> int:
    """Run every due job, each in a transaction with its removal."""
    now, done = state.clock.now().timestamp(), 0
    for row in state.store.list(JOBS):
        if row["due_at"] > now:
            continue
        with state.store.transaction():
            state.store.delete(JOBS, row["id"])
            kinds[row["kind"]](World(state, account=row["account"]), row["object"])
        done += 1
    return done


def next_due(state: SandboxState) -> float | None:
    """When the next job is due, in unix seconds of the sandbox."""
    waiting: list[Document] = state.store.list(JOBS)
    return min((float(row["due_at"]) for row in waiting), default=None)
