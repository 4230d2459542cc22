"""Test clocks: a time of its own for a few customers, moved forward at will."""

from opside_sandbox.stripe import customers, jobs
from opside_sandbox.stripe.billing import due, intervals, timeline
from opside_sandbox.stripe.billing.subscription_shape import ENDED, recurring_of
from opside_sandbox.stripe.clocks import DAY, TEST_CLOCK
from opside_sandbox.stripe.errors import Document, invalid
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.fields import text, whole_number
from opside_sandbox.stripe.listing import PAGE, page
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World

JOB = "advance_test_clock"
_ADVANCE_SECONDS = 0.2
_LIFE_SECONDS = 7 * DAY
_FREE_STEP_SECONDS = 2 * 365 * DAY


def _create(world: World, ask: Ask) -> Document:
    clock = world.save(
        {
            "id": world.new_id(TEST_CLOCK),
            "object": TEST_CLOCK,
            "created": world.now(),
            "deletes_after": world.now() + _LIFE_SECONDS,
            "frozen_time": ask.params["frozen_time"],
            "livemode": False,
            "name": ask.get("name"),
            "status": "ready",
            "status_details": {},
        }
    )
    emit(world, "test_helpers.test_clock.created", clock)
    return shown(world, clock)


def _known(world: World, ask: Ask) -> Document:
    return world.need(TEST_CLOCK, ask.path["test_clock"], param="test_clock")


def _retrieve(world: World, ask: Ask) -> Document:
    return shown(world, _known(world, ask))


def _advance(world: World, ask: Ask) -> Document:
    """Begin to move: `ready` follows a moment later, when all that was due has run."""
    clock, target = _known(world, ask), ask.params["frozen_time"]
    if clock["status"] != "ready":
        raise invalid("Test clock advancement is underway.", param="test_clock")
    if target <= clock["frozen_time"]:
        raise invalid(
            "The frozen_time must be after the test clock's current frozen time.",
            param="frozen_time",
        )
    if target > _furthest(world, clock):
        raise invalid(
            "The frozen_time cannot be more than two intervals in the future from the shortest "
            "subscription in this test clock, or two years without subscriptions.",
            param="frozen_time",
        )
    clock.update(status="advancing", status_details={"advancing": {"target_frozen_time": target}})
    world.save(clock)
    emit(world, "test_helpers.test_clock.advancing", clock)
    jobs.later(world, JOB, clock["id"], seconds=_ADVANCE_SECONDS)
    return shown(world, clock)


def _furthest(world: World, clock: Document) -> int:
    known = world.state.store.list(world.collection("subscription"), test_clock=clock["id"])
    start = int(clock["frozen_time"])
    steps = [
        intervals.after(start, recurring_of(one), 2) for one in known if one["status"] not in ENDED
    ]
    return min(steps, default=start + _FREE_STEP_SECONDS)


def finish(world: World, clock_id: str) -> None:
    """The courier's job: run everything up to the target, in order."""
    clock = world.get(TEST_CLOCK, clock_id)
    if clock is None or clock.get("deleted"):
        return
    target = clock["status_details"]["advancing"]["target_frozen_time"]
    timeline.run(world, due.ACTS, until=target, clock=clock_id)
    clock = world.need(TEST_CLOCK, clock_id)
    clock.update(frozen_time=target, status="ready", status_details={})
    world.save(clock)
    emit(world, "test_helpers.test_clock.ready", clock)


def _delete(world: World, ask: Ask) -> Document:
    """The clock goes with its customers and their subscriptions."""
    clock = _known(world, ask)
    known = world.state.store.list(world.collection("customer"), test_clock=clock["id"])
    for customer in known:
        customers.remove(world, customer)
    emit(world, "test_helpers.test_clock.deleted", clock)
    return world.save({"id": clock["id"], "object": TEST_CLOCK, "deleted": True})


def _list(world: World, ask: Ask) -> Document:
    return page(world, ask, TEST_CLOCK, url="/v1/test_helpers/test_clocks")


_ALL = "/v1/test_helpers/test_clocks"
_ONE = _ALL + "/{test_clock}"
_NAME = "test_helpers.test_clocks"

OPERATIONS = [
    Operation(
        "POST",
        _ALL,
        f"{_NAME}.create",
        _create,
        fields={"frozen_time": whole_number(0), "name": text},
        required=("frozen_time",),
    ),
    Operation("GET", _ONE, f"{_NAME}.retrieve", _retrieve),
    Operation(
        "POST",
        _ONE + "/advance",
        f"{_NAME}.advance",
        _advance,
        fields={"frozen_time": whole_number(0)},
        required=("frozen_time",),
    ),
    Operation("DELETE", _ONE, f"{_NAME}.delete", _delete),
    Operation("GET", _ALL, f"{_NAME}.list", _list, fields=PAGE),
]
