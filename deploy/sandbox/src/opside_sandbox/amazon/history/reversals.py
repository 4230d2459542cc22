"""Payments that Amazon takes back; owed again where the unit neither came back nor was found."""

from opside_sandbox.amazon.history.desk import Desk
from opside_sandbox.amazon.history.model import Reimbursement


def take_back(desk: Desk, day: int, paid: Reimbursement) -> None:
    """The row that takes a payment back, whole."""
    desk.pay(
        day, "Reimbursement_Reversal", -paid.cash, paid.per_unit_minor, order_id=paid.order_id,
        original_id=paid.reimbursement_id, original_type=paid.reason, case_id="",
    )  # fmt: skip


def owe_what_was_taken_back(desk: Desk, day: int, paid: Reimbursement) -> None:
    """The loss of a payment that has just been taken back without a reason to."""
    desk.loss(
        "reversal",
        desk.calendar_day(day),
        paid.cash,
        reference=desk.history.reimbursements[-1].reimbursement_id,
        order_id=paid.order_id,
        value_minor=paid.total_minor,
        pays_unit_minor=paid.per_unit_minor,
    )
