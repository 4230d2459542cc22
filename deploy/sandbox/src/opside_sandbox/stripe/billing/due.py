"""What runs by itself: the acts of the timeline by name, and the courier's job for them."""

from opside_sandbox.stripe.billing import collecting, cycle, timeline
from opside_sandbox.stripe.world import World

ACTS: dict[str, timeline.Act] = {
    "renew": cycle.renew,
    "cancel": cycle.cancel_as_planned,
    "expire_incomplete": cycle.expire_incomplete,
    "unpause": cycle.unpause,
    "trial_will_end": cycle.trial_will_end,
    "finalize_invoice": collecting.advance,
    "retry_invoice": collecting.retry,
    "overdue_invoice": collecting.overdue,
}


def catch_up(world: World, row_id: str) -> None:  # noqa: ARG001 (a job's signature)
    """Everything of this account that is due on the sandbox's clock, in order."""
    timeline.run(world, ACTS, until=world.now())
