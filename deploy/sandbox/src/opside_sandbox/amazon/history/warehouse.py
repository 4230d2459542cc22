"""Units lost or damaged inside a centre."""

from dataclasses import replace

from opside_sandbox.amazon.history.desk import Desk
from opside_sandbox.amazon.history.plan import Story
from opside_sandbox.amazon.history.reversals import owe_what_was_taken_back, take_back
from opside_sandbox.amazon.identifiers import digits

_REASONS = {"warehouse_lost": "Lost_Warehouse", "warehouse_damaged": "Damaged_Warehouse"}
_CODES = {"warehouse_lost": "M", "warehouse_damaged": "E"}
_SETTLED = {"paid_cash_reconciled": "paid_cash", "reversed_unfound": "paid_cash"}
REVERSED_AFTER_DAYS = 25
"""After the loss."""


def tell_warehouse(desk: Desk, story: Story) -> None:
    """The loss rows, what came after them, and what is still owed."""
    for _ in range(2 if story.twin else 1):
        _one(desk, story)
    if story.twin:
        _make_identical(desk)


def _one(desk: Desk, story: Story) -> None:
    day, quantity = -story.days_ago, story.quantity
    closed = story.ending in {
        "paid_cash_reconciled", "reconciled", "reversed", "reversed_unfound"
    }  # fmt: skip
    reconciled = quantity if closed else story.found
    reference, centre = digits(desk.rng, 12), desk.centre()
    owed = quantity - (story.found if story.ending is None else 0)
    loss = desk.loss(
        story.kind,
        desk.calendar_day(day),
        owed,
        reference=reference,
        settled=_SETTLED.get(story.ending or "", story.ending),
        pays_quantity=owed - (1 if story.part else 0),
    )
    row = desk.row(
        desk.at(day), "Adjustments", -quantity, reference=reference, centre=centre,
        reason=_CODES[story.kind], reconciled=reconciled,
        unreconciled=quantity - reconciled, loss_id=loss.loss_id,
    )  # fmt: skip
    if story.kind == "warehouse_damaged":
        desk.row(
            row.at, "Adjustments", quantity, reference=reference, centre=centre, reason="P",
            disposition="WAREHOUSE_DAMAGED",
        )  # fmt: skip
        desk.damaged.append((day, "WAREHOUSE_DAMAGED", quantity))
    if story.found:
        _find(desk, day + min(9, story.days_ago - 2), story.found)
    _settle(desk, story)


def _find(desk: Desk, day: int, units: int) -> None:
    desk.row(desk.at(day), "Adjustments", units, reason="F", reconciled=units)


def _settle(desk: Desk, story: Story) -> None:
    """What Amazon did by itself. A reconciled loss was found under another SKU: no row here."""
    day, units = -story.days_ago, story.quantity
    reason, unit = _REASONS[story.kind], desk.product.amazon_cost_minor
    ending = story.ending or ""
    if ending.startswith("paid_cash"):
        desk.pay(day + 3, reason, units, unit)
    elif ending == "paid_stock":
        desk.pay(day + 4, reason, 0, unit, inventory=units, total_minor=0)
        desk.row(desk.at(day + 4), "Adjustments", units, reason="N", reconciled=units)
    elif ending.startswith("reversed"):
        paid = desk.pay(day + 3, reason, units, unit)
        if ending == "reversed":
            _find(desk, day + 20, units)
        take_back(desk, day + REVERSED_AFTER_DAYS, paid)
        if ending == "reversed_unfound":
            owe_what_was_taken_back(desk, day + REVERSED_AFTER_DAYS, paid)


def _make_identical(desk: Desk) -> None:
    """Two pieces lost on the same day at the same place: two rows that are equal in every cell."""
    first, second = desk.history.ledger[-2:]
    desk.history.ledger[-1] = replace(first, loss_id=second.loss_id)
    desk.history.losses[-1] = replace(desk.history.losses[-1], reference=first.reference)
