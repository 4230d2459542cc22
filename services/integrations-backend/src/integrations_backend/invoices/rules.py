"""What becomes of a paper, and who may change it afterwards."""

import re
from datetime import date
from enum import StrEnum

from integrations_backend.invoices.reading import Came, Field, Reading
from integrations_backend.invoices.vocabulary import Kind, folded


class Status(StrEnum):
    """Where an invoice stands. Its costs are in the cost book while it is accepted or confirmed."""

    NEEDS_TYPING = "needs_typing"
    """No program can read it."""
    PROPOSED = "proposed"
    """Something is not sure: the seller looks."""
    ACCEPTED = "accepted"
    """Every field is sure; the seller may still correct or reject it."""
    CONFIRMED = "confirmed"
    """The seller says that it is right, or has corrected it."""
    REJECTED = "rejected"
    DUPLICATE = "duplicate"
    """The same invoice came before as another file."""
    NO_GOODS = "no_goods"
    """An invoice, but for nothing that is sold: rent, a subscription."""


BOOKED = frozenset({Status.ACCEPTED, Status.CONFIRMED})
CAN_BE_CONFIRMED = frozenset({Status.PROPOSED, Status.ACCEPTED})
CAN_BE_CORRECTED = frozenset(
    {Status.NEEDS_TYPING, Status.PROPOSED, Status.ACCEPTED, Status.CONFIRMED, Status.NO_GOODS}
)
CAN_BE_REJECTED = frozenset(
    {Status.NEEDS_TYPING, Status.PROPOSED, Status.ACCEPTED, Status.CONFIRMED}
)
_SPEAKS = re.compile(r"(?<![a-z])(?:invoice|inv|rechnung|facture|fattura|factura)(?![a-z])")


def speaks_of_an_invoice(came: Came) -> bool:
    """Whether the mail or the file is named after one: then an unreadable file is worth typing."""
    return _SPEAKS.search(folded(f"{came.subject} {came.filename}").replace("_", " ")) is not None


def first_status(
    reading: Reading | None, needs_typing: str | None, came: Came
) -> tuple[Status, str] | None:
    """The status and why; None for a paper that is no invoice."""
    if reading is None:
        if not speaks_of_an_invoice(came):
            return None
        return Status.NEEDS_TYPING, needs_typing or "it cannot be read"
    if reading.kind not in {Kind.INVOICE, Kind.UNKNOWN}:
        return None
    if not reading.goods:
        if reading.kind is Kind.UNKNOWN:
            return None
        return Status.NO_GOODS, "it names no goods with a quantity and a unit price"
    if reading.sure:
        return Status.ACCEPTED, "every field is sure and the lines add up to the total"
    return Status.PROPOSED, "; ".join(doubts(reading)) or "it is not titled as an invoice"


def doubts(reading: Reading) -> list[str]:
    """What is not sure, in words."""
    fields: dict[str, Field[str] | Field[date] | Field[int]] = {
        "supplier": reading.supplier,
        "number": reading.number,
        "date": reading.dated,
        "currency": reading.currency,
        "total": reading.total_minor,
    }
    told = list(reading.problems)
    told += [f"{name}: {one.reasons[-1]}" for name, one in fields.items() if not one.sure]
    unsure = [one for one in reading.goods if not one.sure]
    if unsure:
        told.append(f"{len(unsure)} of {len(reading.goods)} lines: {unsure[0].reasons[-1]}")
    return told
