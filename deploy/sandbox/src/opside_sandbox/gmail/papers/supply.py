"""What the mailbox needs to know of a seller's Amazon history: the one place that reads it."""

from dataclasses import dataclass
from datetime import date, datetime

from opside_sandbox.amazon.history.generate import birthday, history_of
from opside_sandbox.amazon.history.model import Product
from opside_sandbox.amazon.personas import everybody
from opside_sandbox.state import SandboxState


@dataclass(frozen=True, slots=True)
class Item:
    """A product; `cost_minor` is what one unit costs the seller at his supplier."""

    place: int
    sku: str
    fnsku: str
    asin: str
    title: str
    cost_minor: int


@dataclass(frozen=True, slots=True)
class Consignment:
    """A shipment to Amazon: what the seller sent, whatever Amazon counted."""

    shipment_id: str
    sent_at: datetime
    arrived_at: datetime
    centre: str
    lines: tuple[tuple[Item, int], ...]


@dataclass(frozen=True, slots=True)
class ReturnedParcel:
    """A parcel of a removal order that reached the seller."""

    order_id: str
    at: datetime
    item: Item
    quantity: int
    carrier: str
    tracking: str


@dataclass(frozen=True, slots=True)
class LossStory:
    """A loss that papers may prove something for."""

    loss_id: str
    claim_type: str
    sku: str
    event_date: date
    reference: str
    order_id: str


@dataclass(frozen=True, slots=True)
class Supply:
    """A seller's trade up to the day the sandbox was born; empty for a person without a shop."""

    born: date
    currency: str
    consignments: tuple[Consignment, ...] = ()
    parcels: tuple[ReturnedParcel, ...] = ()
    losses: tuple[LossStory, ...] = ()


def born(state: SandboxState) -> date:
    """The day on which every history, and every generated mailbox, ends."""
    return birthday(state)


def supply_of(state: SandboxState, key: str) -> Supply:
    """The trade of a persona, in order of time."""
    persona = everybody(state)[key]
    if persona.marketplace is None:
        return Supply(born(state), "USD")
    history = history_of(state, persona)
    lines: dict[str, list[tuple[Item, int]]] = {}
    for line in history.inbound_lines:
        lines.setdefault(line.shipment_id, []).append((_item(line.product), line.shipped))
    consignments = (
        Consignment(
            one.shipment_id, one.created, one.first_receipt, one.centre,
            tuple(sorted(lines.get(one.shipment_id, ()), key=lambda line: line[0].place)),
        )
        for one in history.shipments
    )  # fmt: skip
    parcels = (
        ReturnedParcel(
            removal.order_id, one.at, _item(removal.product), one.quantity, one.carrier,
            one.tracking,
        )
        for removal in history.removals
        for one in removal.parcels
    )  # fmt: skip
    losses = (
        LossStory(
            one.loss_id, one.claim_type, one.product.sku, one.event_date, one.reference,
            one.order_id,
        )
        for one in history.losses
    )  # fmt: skip
    return Supply(
        history.born,
        persona.marketplace.currency,
        tuple(one for one in consignments if one.lines),
        tuple(parcels),
        tuple(losses),
    )


def _item(product: Product) -> Item:
    return Item(
        product.index, product.sku, product.fnsku, product.asin, product.title, product.cost_minor
    )
