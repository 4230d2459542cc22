"""What can happen to a unit, and what the seller may still claim for it."""

from dataclasses import dataclass, field
from datetime import date, datetime

from opside_sandbox.amazon.personas import Persona


@dataclass(frozen=True, slots=True)
class Size:
    """A size tier with its fulfilment fee (minor units, before tax) and typical measures.

    `sides` in inches, longest first; `weight` in pounds.
    """

    tier: str
    fulfilment_minor: int
    sides: tuple[str, str, str]
    weight: str


@dataclass(frozen=True, slots=True)
class Product:
    """One SKU; money in minor units, `referral_bp` in basis points, before tax.

    `cost_minor` is what the seller paid his supplier; `amazon_cost_minor` what Amazon pays
    for a lost unit, its own estimate, never zero.
    """

    index: int
    sku: str
    fnsku: str
    asin: str
    title: str
    price_minor: int
    cost_minor: int
    amazon_cost_minor: int
    referral_bp: int
    fulfilment_minor: int
    sides: tuple[str, str, str]
    weight: str
    size_tier: str

    @property
    def size(self) -> Size:
        """Its size as Amazon has it today."""
        return Size(self.size_tier, self.fulfilment_minor, self.sides, self.weight)

    @property
    def referral_minor(self) -> int:
        """The referral fee of one unit before tax, half up."""
        return (self.price_minor * self.referral_bp + 5000) // 10000

    @property
    def sale_less_fees_minor(self) -> int:
        """What Amazon pays for a unit lost after its sale."""
        return self.price_minor - self.referral_minor - self.fulfilment_minor


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """One row of the inventory ledger; `loss_id` ties a loss row to its story."""

    at: datetime
    product: Product
    event_type: str
    reference: str
    quantity: int
    centre: str
    disposition: str = "SELLABLE"
    reason: str = ""
    reconciled: int = 0
    unreconciled: int = 0
    loss_id: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """A shipped customer order of one line."""

    order_id: str
    item_code: str
    shipment_id: str
    at: datetime
    product: Product
    quantity: int
    centre: str
    shipping_minor: int = 0
    """Charged to the buyer and given back by a promotion of the same amount."""
    above_fee_minor: int = 0
    """What Amazon charged for sending one unit above the fee of the product as it is today."""

    @property
    def fulfilment_minor(self) -> int:
        """The fulfilment fee that was charged for one unit, before tax."""
        return self.product.fulfilment_minor + self.above_fee_minor


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back to a buyer for one unit."""

    order: Order
    at: datetime
    adjustment_id: str
    item_id: str


@dataclass(frozen=True, slots=True)
class Return:
    """A unit that came back."""

    order: Order
    at: datetime
    centre: str
    disposition: str
    reason: str
    licence_plate: str


@dataclass(frozen=True, slots=True)
class Replacement:
    """A unit sent to the buyer in place of an earlier one."""

    original: Order
    order_id: str
    at: datetime
    centre: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reimbursement:
    """One row of the reimbursements report. `total_minor` is negative for a reversal."""

    approved_at: datetime
    reimbursement_id: str
    reason: str
    product: Product
    per_unit_minor: int
    total_minor: int
    cash: int
    inventory: int = 0
    case_id: str = ""
    order_id: str = ""
    adjustment_id: str = ""
    original_id: str = ""
    original_type: str = ""


@dataclass(frozen=True, slots=True)
class InboundLine:
    """One SKU of an inbound shipment."""

    shipment_id: str
    product: Product
    shipped: int
    received: int


@dataclass(frozen=True, slots=True)
class InboundShipment:
    """A shipment from the seller to a centre."""

    shipment_id: str
    created: datetime
    first_receipt: datetime
    centre: str
    status: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """One parcel of a removal order."""

    at: datetime
    quantity: int
    carrier: str
    tracking: str


@dataclass(frozen=True, slots=True)
class Removal:
    """A removal order of one SKU; `shipped` is what left the stock, the parcels what was sent."""

    order_id: str
    order_type: str
    requested_at: datetime
    updated_at: datetime
    product: Product
    disposition: str
    requested: int
    cancelled: int
    disposed: int
    shipped: int
    parcels: tuple[Parcel, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """Another size than today's under which Amazon kept a product, both days inclusive."""

    product: Product
    first: date
    last: date
    size: Size


@dataclass(frozen=True, slots=True)
class Loss:
    """Units that went missing. `settled` says why they are not owed; None means they are,
    between `opens` and `deadline` (both inclusive).

    `value_minor` is None where only a cost document can tell (rulings R16);
    `pays_quantity` is what Amazon will pay of the claim, `pays_unit_minor` for each unit.
    """

    loss_id: str
    claim_type: str
    product: Product
    quantity: int
    event_date: date
    opens: date
    deadline: date
    order_id: str = ""
    reference: str = ""
    value_minor: int | None = None
    pays_quantity: int = 0
    pays_unit_minor: int = 0
    settled: str | None = None
    via: str = ""

    def reason_on(self, today: date) -> str | None:
        """Why it cannot be claimed on this day; None means it can."""
        if self.settled is not None:
            return self.settled
        if today < self.opens:
            return "still_waiting"
        return "window_expired" if today > self.deadline else None


@dataclass(slots=True)
class History:
    """Everything that happened to one seller up to the day the sandbox was born."""

    persona: Persona
    born: date
    products: list[Product] = field(default_factory=list)
    ledger: list[LedgerEvent] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    replacements: list[Replacement] = field(default_factory=list)
    reimbursements: list[Reimbursement] = field(default_factory=list)
    shipments: list[InboundShipment] = field(default_factory=list)
    inbound_lines: list[InboundLine] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    previewed: dict[int, Size] = field(default_factory=dict)
    """By the product's index: the size that the fee preview has wrong."""

    def sort(self) -> None:
        """By time, ties by content, so that the same history has the same bytes."""
        self.ledger.sort(key=lambda e: (e.at, e.product.index, e.reference, e.quantity))
        self.orders.sort(key=lambda o: (o.at, o.order_id))
        self.refunds.sort(key=lambda r: (r.at, r.order.order_id))
        self.returns.sort(key=lambda r: (r.at, r.order.order_id))
        self.replacements.sort(key=lambda r: (r.at, r.order_id))
        self.reimbursements.sort(key=lambda r: (r.approved_at, r.reimbursement_id))
        self.removals.sort(key=lambda r: (r.requested_at, r.order_id))
