"""Units that the seller calls back or lets Amazon dispose of."""

from collections import Counter
from datetime import timedelta

from opside_sandbox.amazon.history.desk import Desk
from opside_sandbox.amazon.history.model import Parcel, Removal
from opside_sandbox.amazon.history.plan import Story
from opside_sandbox.amazon.identifiers import mixed, upper

CLEANING_DAYS = (-400, -310, -220, -130)
_PAYMENT_DAYS = 20


def tell_removal(desk: Desk, story: Story) -> None:
    """A removal of which some units left the stock and were in no parcel."""
    day, lost = -story.days_ago, story.quantity
    requested = lost + desk.rng.randrange(4, 9)
    order_id = mixed(desk.rng, 10)
    sent = requested - lost
    first = desk.at(day - 1)
    parcels = (
        Parcel(first, sent // 2, "UPS", "1Z" + upper(desk.rng, 16)),
        Parcel(desk.at(day), sent - sent // 2, "UPS", "1Z" + upper(desk.rng, 16)),
    )
    desk.row(first, "VendorReturns", -requested, reference=order_id)
    desk.history.removals.append(
        Removal(
            order_id,
            "Return",
            desk.at(day - 12),
            parcels[-1].at + timedelta(hours=3),
            desk.product,
            "SELLABLE",
            requested,
            0,
            0,
            requested,
            parcels,
        )
    )
    desk.loss("removal_lost", desk.calendar_day(day), lost, order_id=order_id, settled=story.ending)
    if story.ending == "paid_cash":
        desk.pay(
            day + _PAYMENT_DAYS, "Lost_Outbound", lost, desk.product.amazon_cost_minor,
            order_id=order_id,
        )  # fmt: skip


def clean_up(desk: Desk) -> None:
    """Now and then all unsellable units go: disposed of, or sent back whole."""
    last = -(10**6)
    for day in CLEANING_DAYS:
        units: Counter[str] = Counter()
        for came, disposition, quantity in desk.damaged:
            if last <= came < day:
                units[disposition] += quantity
        last = day
        for disposition, quantity in sorted(units.items()):
            if desk.rng.random() < 0.6:
                _dispose(desk, day, disposition, quantity)
            else:
                _send_back(desk, day, disposition, quantity)


def _dispose(desk: Desk, day: int, disposition: str, quantity: int) -> None:
    order_id = mixed(desk.rng, 10)
    row = desk.row(
        desk.at(day), "Adjustments", -quantity, reference=order_id, disposition=disposition,
        reason="D",
    )  # fmt: skip
    desk.history.removals.append(
        Removal(
            order_id,
            "Disposal",
            desk.at(day - 5),
            row.at,
            desk.product,
            disposition,
            quantity,
            0,
            quantity,
            0,
            (),
        )
    )


def _send_back(desk: Desk, day: int, disposition: str, quantity: int) -> None:
    order_id = mixed(desk.rng, 10)
    row = desk.row(
        desk.at(day), "VendorReturns", -quantity, reference=order_id, disposition=disposition
    )
    parcel = Parcel(row.at, quantity, "UPS", "1Z" + upper(desk.rng, 16))
    cancelled = desk.rng.choice((0, 0, 1))
    desk.history.removals.append(
        Removal(
            order_id,
            "Return",
            desk.at(day - 7),
            row.at,
            desk.product,
            disposition,
            quantity + cancelled,
            cancelled,
            0,
            quantity,
            (parcel,),
        )
    )
