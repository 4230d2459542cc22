"""Shipments to Amazon: sized so that the stock never runs out, some received short."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from opside_sandbox.amazon.history.desk import Desk
from opside_sandbox.amazon.history.model import History, InboundLine, InboundShipment
from opside_sandbox.amazon.history.plan import Story
from opside_sandbox.amazon.identifiers import upper

FIRST_DAY = -540
RECEIPT_DAYS = (*range(FIRST_DAY, -44, 45), -8)
STILL_RECEIVING_DAY = RECEIPT_DAYS[-1]
_SETTLE_DAYS = 3


@dataclass(frozen=True, slots=True)
class Delivery:
    """One shipment's calendar entry."""

    day: int
    shipment: InboundShipment


def deliveries(history: History, rng: random.Random) -> list[Delivery]:
    """The seller's shipments, oldest first; the last is still being received."""
    found = []
    for day in RECEIPT_DAYS:
        midnight = datetime.combine(history.born, time(), UTC) + timedelta(days=day)
        at = midnight + timedelta(seconds=rng.randrange(9 * 3600, 17 * 3600))
        status = "RECEIVING" if day == STILL_RECEIVING_DAY else "CLOSED"
        shipment = InboundShipment(
            "FBA" + upper(rng, 9), at - timedelta(days=rng.randrange(9, 16)), at,
            rng.choice(history.persona.store.centres), status,
        )  # fmt: skip
        history.shipments.append(shipment)
        found.append(Delivery(day, shipment))
    return found


def receive(desk: Desk, calendar: list[Delivery], stories: list[Story]) -> None:
    """Receipts that cover everything that leaves the stock until the next delivery."""
    short = {-story.days_ago: story for story in stories if story.kind == "inbound_shortage"}
    mine = [
        one
        for place, one in enumerate(calendar)
        if place == 0 or one.day in short or (place + desk.product.index) % 3 == 0
    ]
    outflows = list(desk.outflows)
    for place, delivery in enumerate(mine):
        start = delivery.day + _SETTLE_DAYS if place else -(10**6)
        following = mine[place + 1].day + _SETTLE_DAYS if place + 1 < len(mine) else 10**6
        needed = sum(quantity for day, quantity in outflows if start <= day < following)
        received = needed + desk.rng.randrange(2, 9)
        _book(desk, delivery, received, short.get(delivery.day))


def _book(desk: Desk, delivery: Delivery, received: int, story: Story | None) -> None:
    shipment, missing = delivery.shipment, story.quantity if story else 0
    first = received if received < 6 or desk.rng.random() < 0.6 else received * 2 // 3
    for place, units in enumerate((first, received - first)):
        if units:
            # The whole shipment arrives at one moment; the rest of a SKU is counted next day.
            at = shipment.first_receipt + timedelta(days=place)
            desk.row(at, "Receipts", units, reference=shipment.shipment_id, centre=shipment.centre)
    desk.history.inbound_lines.append(
        InboundLine(shipment.shipment_id, desk.product, received + missing, received)
    )
    if story is None:
        return
    desk.loss(
        "inbound_shortage", desk.calendar_day(delivery.day), missing,
        reference=shipment.shipment_id, settled=story.ending,
    )  # fmt: skip
    if story.ending == "paid_cash":
        desk.pay(
            delivery.day + 25, "Lost_Inbound", missing, desk.product.amazon_cost_minor,
            order_id=shipment.shipment_id,
        )  # fmt: skip
