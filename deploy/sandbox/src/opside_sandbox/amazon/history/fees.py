"""Fulfilment fees above those of the product's true size, and fees of a size that it had before."""

from collections import defaultdict

from opside_sandbox.amazon.history.catalogue import next_larger
from opside_sandbox.amazon.history.desk import Desk
from opside_sandbox.amazon.history.model import Measured, Order
from opside_sandbox.amazon.history.periods import Period, period_of, with_tax
from opside_sandbox.amazon.history.plan import (
    FEE_PREVIEWED,
    FEE_REPACKAGED,
    FEE_STABLE,
    Story,
)

_ORDERS = 6
"""So many sales in the time of the story, beside the ordinary ones."""
_LATER_DAYS = 32
"""Longer than any month."""


def tell_fee(desk: Desk, story: Story) -> None:
    """From `days_ago` until `until` every unit is charged as of the next larger size.

    With `fee_stable` Amazon's measures were right all along, with `fee_remeasured` wrong for that time;
    with `fee_repackaged` the product itself was larger: nothing is owed then. With `fee_previewed` the
    fee preview has the larger size, until today, though no month was ever measured so.
    """
    first, last = -story.days_ago, -story.until
    size = next_larger(desk.product.size)
    desk.fees.append((first, last, size.fulfilment_minor - desk.product.fulfilment_minor))
    if story.kind == FEE_PREVIEWED:
        desk.history.previewed[desk.product.index] = size
        # Sold, so stored and measured, in a month after those of the wrong fees.
        desk.order(last + _LATER_DAYS)
    elif story.kind != FEE_STABLE:
        days = desk.calendar_day(first), desk.calendar_day(last)
        desk.history.measured.append(Measured(desk.product, *days, size))
    sold_from = max(first, last - 60)
    for place in range(_ORDERS):
        desk.order(sold_from + (last - sold_from) * place // (_ORDERS - 1))


def owe_fees(desk: Desk, stories: list[Story]) -> None:
    """One loss a settlement that booked fees above the true one, once all sales are known."""
    kinds = {story.kind for story in stories if story.kind.startswith("fee_")}
    if not kinds:
        return
    settled = "measures_changed" if FEE_REPACKAGED in kinds else None
    charged: defaultdict[Period, list[Order]] = defaultdict(list)
    for order in desk.history.orders:
        if order.product is desk.product and order.above_fee_minor:
            charged[period_of(desk.history, order.at)].append(order)
    for period, orders in sorted(charged.items(), key=lambda one: one[0].start):
        units = sum(order.quantity for order in orders)
        above = sum(_above(desk, order) for order in orders)
        desk.loss(
            "fee_overcharge",
            min(order.at for order in orders).date(),
            units,
            opens=period.end.date(),
            reference=period.settlement_id,
            settled=settled,
            value_minor=above,
            pays_unit_minor=above // units,
        )


def _above(desk: Desk, order: Order) -> int:
    booked = with_tax(desk.history, order.fulfilment_minor * order.quantity)
    return booked - with_tax(desk.history, order.product.fulfilment_minor * order.quantity)
