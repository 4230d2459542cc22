"""Refunds and replacements, with the unit back, late, or never."""

from opside_sandbox.amazon.history.desk import Desk
from opside_sandbox.amazon.history.model import Order, Refund, Replacement
from opside_sandbox.amazon.history.plan import Story
from opside_sandbox.amazon.history.reversals import owe_what_was_taken_back, take_back

REIMBURSED_AFTER_DAYS = 33
"""Both real REVERSAL_REIMBURSEMENT rows of data/amazon came 33 and 34 days after the refund."""


REVERSED_AFTER_DAYS = 25
"""After the payment."""
_PAID = "paid_cash"
_SETTLED = {
    **dict.fromkeys(("carrier_damaged", "underpaid", "topped_up"), _PAID),
    **dict.fromkeys(("reversed_returned", "reversed_unreturned"), _PAID),
    **dict.fromkeys(("carrier_damaged_unpaid", "rebooked_as_amazons", "wrong_item")),
    **dict.fromkeys(("rebooked_as_sellable", "other_label"), "returned"),
}


def tell_return(desk: Desk, story: Story) -> None:
    """A refund whose unit is planted to be missing, late, broken by the carrier or paid."""
    day = -story.days_ago
    order = desk.order(day - 7)
    refund = desk.refund(order, day)
    product = desk.product
    settled = _SETTLED.get(story.ending or "", story.ending)
    desk.loss(
        "customer_return",
        desk.calendar_day(day),
        1,
        order_id=order.order_id,
        settled=settled,
        value_minor=product.sale_less_fees_minor,
        pays_unit_minor=product.sale_less_fees_minor,
        via="refund",
    )
    if story.ending == "returned":
        desk.give_back(order, day + 50, "SELLABLE")
    elif (story.ending or "").startswith("carrier_damaged"):
        desk.give_back(order, day + 9, "CARRIER_DAMAGED")
    elif (story.ending or "").startswith("rebooked"):
        desk.give_back_rebooked(order, day + 9, amazons="amazons" in (story.ending or ""))
    elif story.ending in {"wrong_item", "other_label"}:
        desk.give_back_another(order, day + 9, of_another_product=story.ending == "wrong_item")
    if settled == "paid_cash":
        _pay(desk, order, refund, day + REIMBURSED_AFTER_DAYS, story.ending or "")


def _pay(desk: Desk, order: Order, refund: Refund, day: int, ending: str) -> None:
    """The payment for a missing return, too low in some endings, and what came after it."""
    due, named = desk.product.sale_less_fees_minor, {"order_id": order.order_id}
    unit = due * 8 // 10 if ending in {"underpaid", "topped_up"} else due
    paid = desk.pay(
        day, "CustomerReturn", 1, unit, **named, adjustment_id=refund.adjustment_id
    )  # fmt: skip
    if ending == "underpaid":
        desk.loss(
            "underpaid", desk.calendar_day(day), 1, reference=paid.reimbursement_id, **named,
            value_minor=due - unit, pays_unit_minor=due - unit,
        )  # fmt: skip
    elif ending == "topped_up":
        desk.pay(
            day + 10, "CustomerReturn", 0, due - unit, **named, original_id=paid.reimbursement_id,
            original_type="CustomerReturn", total_minor=due - unit,
        )  # fmt: skip
    elif ending.startswith("reversed"):
        if ending == "reversed_returned":
            desk.give_back(order, day + 17, "SELLABLE")
        take_back(desk, day + REVERSED_AFTER_DAYS, paid)
        if ending == "reversed_unreturned":
            owe_what_was_taken_back(desk, day + REVERSED_AFTER_DAYS, paid)


def _replace(desk: Desk, original: Order, day: int) -> None:
    shipped = desk.row(desk.at(day), "Shipments", -1)
    desk.history.replacements.append(
        Replacement(original, desk.new_order_id(), shipped.at, shipped.centre, "4")
    )


def tell_replacement(desk: Desk, story: Story) -> None:
    """A replacement sent out; the first unit may never come back."""
    day = -story.days_ago
    original = desk.order(day - 9)
    _replace(desk, original, day)
    value = desk.product.sale_less_fees_minor
    desk.loss(
        "customer_return", desk.calendar_day(day), 1, order_id=original.order_id,
        settled=story.ending, value_minor=value, pays_unit_minor=value, via="replacement",
    )  # fmt: skip
    if story.ending == "returned":
        desk.give_back(original, day + 12, "DEFECTIVE")


def ordinary_orders(desk: Desk, count: int, first_day: int) -> None:
    """Sales; some come back within a few weeks, all of those for good."""
    for _ in range(count):
        day = desk.rng.randrange(first_day, 0)
        order = desk.order(day, 2 if desk.rng.random() < 0.08 else 1)
        if day > -35 or order.quantity > 1:
            continue
        fate = desk.rng.random()
        back = desk.rng.choices(
            ("SELLABLE", "CUSTOMER_DAMAGED", "DEFECTIVE"), weights=(70, 18, 12)
        )[0]
        if fate < 0.07:
            refunded = day + desk.rng.randrange(4, 13)
            desk.refund(order, refunded)
            desk.give_back(order, refunded + desk.rng.randrange(3, 16), back)
        elif fate < 0.075:
            replaced = day + desk.rng.randrange(4, 13)
            _replace(desk, order, replaced)
            desk.give_back(order, replaced + desk.rng.randrange(3, 16), back)
