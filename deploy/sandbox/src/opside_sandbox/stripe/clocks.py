"""What time it is for a customer and what belongs to him: a test clock may say otherwise."""

from opside_sandbox.stripe.errors import Document, invalid
from opside_sandbox.stripe.world import World

TEST_CLOCK = "test_helpers.test_clock"
HOUR = 3600
DAY = 24 * HOUR
_MOST_CUSTOMERS = 3


def now_of(world: World, owner: Document) -> int:
    """Unix seconds on the owner's test clock, or else on the sandbox's clock."""
    if clock_id := owner.get("test_clock"):
        return int(world.need(TEST_CLOCK, clock_id)["frozen_time"])
    return world.now() if world.as_of is None else world.as_of


def created_on(world: World, clock_id: str | None) -> int:
    """When a customer made now is created. Raises StripeError when the clock cannot take him."""
    if clock_id is None:
        return world.now()
    clock = world.need(TEST_CLOCK, clock_id, param="test_clock", in_path=False)
    if clock["status"] != "ready":
        raise invalid(
            "Test clock advancement is underway. Wait until the test clock is ready.",
            param="test_clock",
        )
    known = world.state.store.list(world.collection("customer"), test_clock=clock_id)
    if len(known) >= _MOST_CUSTOMERS:
        raise invalid(
            f"You have reached the limit of {_MOST_CUSTOMERS} customers for this test clock.",
            param="test_clock",
        )
    return int(clock["frozen_time"])
