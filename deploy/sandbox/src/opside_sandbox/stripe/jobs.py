"""What Stripe does later by itself: rows with a time on the clock, run by the courier."""

import logging
from collections.abc import Callable, Mapping

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.world import World

JOBS = "stripe.job"
FAILED = "stripe.job_failed"
Job = Callable[[World, str], None]
_log = logging.getLogger(__name__)


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
    """Run every due job in the order of their times, each in a transaction with its removal.

    A job that raises has no effect; it is kept among the failed ones and not tried again.
    """
    now, done = state.clock.now().timestamp(), 0
    due = [row for row in state.store.list(JOBS) if row["due_at"] <= now]
    for row in sorted(due, key=lambda one: float(one["due_at"])):
        try:
            with state.store.transaction():
                if not state.store.delete(JOBS, row["id"]):
                    continue  # an earlier one of these has planned it anew
                kinds[row["kind"]](World(state, account=row["account"]), row["object"])
        except Exception as error:  # noqa: BLE001 (one failing job must not stop the others)
            _log.exception("the sandbox's job %s failed", row["kind"])
            state.store.delete(JOBS, row["id"])
            state.store.put(FAILED, row["id"], {**row, "error": repr(error)})
        done += 1
    return done


def next_due(state: SandboxState) -> float | None:
    """When the next job is due, in unix seconds of the sandbox."""
    waiting: list[Document] = state.store.list(JOBS)
    return min((float(row["due_at"]) for row in waiting), default=None)
