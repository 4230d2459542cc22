"""Where the events of one SKU are written down."""

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from opside_sandbox.amazon.history.model import (
    History,
    LedgerEvent,
    Loss,
    Order,
    Product,
    Refund,
    Reimbursement,
    Return,
)
from opside_sandbox.amazon.history.windows import window
from opside_sandbox.amazon.identifiers import digits, mixed, order_id, upper


@dataclass(slots=True)
class Desk:
    """Writes into the history; remembers what left the sellable stock and when."""

    history: History
    product: Product
    rng: random.Random
    outflows: list[tuple[int, int]] = field(default_factory=list)
    fees: list[tuple[int, int, int]] = field(default_factory=list)
    """(first day, last day, minor units above the fee) of wrong or former fulfilment fees."""
    rebooked_at: set[str] = field(default_factory=set)
    """Centres where a returned unit changed its state: no other comes back there."""
    damaged: list[tuple[int, str, int]] = field(default_factory=list)
    """(day, disposition, units) that came into an unsellable state and may be disposed of."""

    def at(self, day: int) -> datetime:
        """A moment of that day (negative: before the first day), never near midnight."""
        base = datetime.combine(self.history.born, time(), UTC) + timedelta(days=day)
        return base + timedelta(seconds=self.rng.randrange(9 * 3600, 19 * 3600))

    def calendar_day(self, day: int) -> date:
        """The calendar day."""
        return self.history.born + timedelta(days=day)

    def centre(self) -> str:
        """Any centre of the marketplace."""
        return self.rng.choice(self.history.persona.store.centres)

    def new_order_id(self) -> str:
        """An order number of the marketplace."""
        return order_id(self.rng, self.history.persona.store.order_prefixes)

    def row(self, at: datetime, event_type: str, quantity: int, **more: object) -> LedgerEvent:
        """Write a ledger row; a negative sellable quantity is remembered as outflow."""
        given: dict[str, object] = {"reference": digits(self.rng, 12), "centre": self.centre()}
        event = LedgerEvent(
            at=at,
            product=self.product,
            event_type=event_type,
            quantity=quantity,
            **{**given, **more},  # type: ignore[arg-type]
        )
        self.history.ledger.append(event)
        moved = event_type in {"WhseTransfers", "Receipts"}
        if quantity < 0 and event.disposition == "SELLABLE" and not moved:
            self.outflows.append(((at.date() - self.history.born).days, -quantity))
        return event

    def order(self, day: int, quantity: int = 1) -> Order:
        """A customer order shipped on that day."""
        rng = self.rng
        order = Order(
            order_id=self.new_order_id(),
            item_code=digits(rng, 15),
            shipment_id="B" + mixed(rng, 8),
            at=self.at(day),
            product=self.product,
            quantity=quantity,
            centre=self.centre(),
            shipping_minor=699 if rng.random() < 0.12 else 0,
            above_fee_minor=next(
                (above for first, last, above in self.fees if first <= day <= last), 0
            ),
        )
        self.history.orders.append(order)
        self.row(order.at, "Shipments", -quantity, centre=order.centre)
        return order

    def refund(self, order: Order, day: int) -> Refund:
        """One unit's money back to the buyer."""
        refund = Refund(
            order, self.at(day), f"amzn1:crow:{mixed(self.rng, 22)}", digits(self.rng, 19)
        )
        self.history.refunds.append(refund)
        return refund

    def give_back(self, order: Order, day: int, disposition: str) -> None:
        """The unit comes back into the stock in this state."""
        at, centre = self.at(day), self._centre_for_returns()
        words = {"SELLABLE": "UNWANTED_ITEM", "DEFECTIVE": "DEFECTIVE"}
        reason = words.get(disposition, "QUALITY_UNACCEPTABLE")
        plate = "LPN" + upper(self.rng, 11)
        self.history.returns.append(Return(order, at, centre, disposition, reason, plate))
        self.row(at, "CustomerReturns", 1, centre=centre, disposition=disposition)
        if disposition != "SELLABLE":
            self.damaged.append((day, disposition, 1))

    def _centre_for_returns(self) -> str:
        """None where a unit was rebooked: nobody could tell which of two it was."""
        centre = self.centre()
        while centre in self.rebooked_at:
            centre = self.centre()
        return centre

    def give_back_rebooked(self, order: Order, day: int, *, amazons: bool) -> None:
        """Booked as the buyer's damage; days later the ledger says that it was Amazon's, or none."""
        at, centre = self.at(day), self._centre_for_returns()
        self.rebooked_at.add(centre)
        plate = "LPN" + upper(self.rng, 11)
        first, then = "CUSTOMER_DAMAGED", "WAREHOUSE_DAMAGED" if amazons else "SELLABLE"
        self.history.returns.append(Return(order, at, centre, first, "NOT_AS_DESCRIBED", plate))
        self.row(at, "CustomerReturns", 1, centre=centre, disposition=first)
        later, reference = at + timedelta(days=4), digits(self.rng, 12)
        for units, reason, state in ((-1, "Q", first), (1, "P", then)):
            self.row(
                later, "Adjustments", units, centre=centre, disposition=state, reason=reason,
                reference=reference,
            )  # fmt: skip
        if amazons:
            self.damaged.append((day + 4, then, 1))

    def give_back_another(self, order: Order, day: int, *, of_another_product: bool) -> None:
        """A unit with another label comes back: another product's, or one that nobody knows."""
        at, centre = self.at(day), self._centre_for_returns()
        letters = upper(self.rng, 7)
        other = replace(self.product, fnsku=f"X00{letters}")
        if of_another_product:
            other = replace(other, sku=f"{self.product.sku}-{letters}", asin="B0" + letters + "Z")
        plate = "LPN" + upper(self.rng, 11)
        came = Return(
            replace(order, product=other), at, centre, "SELLABLE", "UNWANTED_ITEM", plate
        )  # fmt: skip
        self.history.returns.append(came)

    def pay(
        self, day: int, reason: str, units: int, unit_minor: int, **more: object
    ) -> Reimbursement:
        """A reimbursement row; about a third belong to cases the seller filed himself."""
        own_case = "1" + digits(self.rng, 10) if self.rng.random() < 0.35 else ""
        number = digits(self.rng, 11)
        given: dict[str, object] = {
            "cash": units,
            "case_id": own_case,
            "total_minor": unit_minor * units,
        }
        payment = Reimbursement(
            approved_at=self.at(day),
            reimbursement_id=number,
            reason=reason,
            product=self.product,
            per_unit_minor=unit_minor,
            **{**given, **more},  # type: ignore[arg-type]
        )
        self.history.reimbursements.append(payment)
        return payment

    def loss(self, claim_type: str, event: date, quantity: int, **more: object) -> Loss:
        """Write down a loss, with the window of its kind."""
        country = self.history.persona.store.country
        opens, deadline = window(claim_type, country, event)
        given: dict[str, object] = {
            "opens": opens,
            "pays_quantity": quantity,
            "pays_unit_minor": self.product.amazon_cost_minor,
        }
        loss = Loss(
            loss_id=f"loss-{upper(self.rng, 10)}",
            claim_type=claim_type,
            product=self.product,
            quantity=quantity,
            event_date=event,
            deadline=deadline,
            **{**given, **more},  # type: ignore[arg-type]
        )
        self.history.losses.append(loss)
        return loss
