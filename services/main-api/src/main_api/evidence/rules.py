"""Kinds of documents, the fields they may have, and what a claim needs. Nothing here does I/O."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from main_api.evidence.errors import WrongField

MOST_LINES = 500
"""Of an invoice."""
LONGEST_VALUE_CHARS = 300
CERTAIN_BP = 10_000
"""What a person typed, in basis points of certainty."""
_LARGEST = 9_999_999_999
_CURRENCY = re.compile(r"[a-z]{3}")
_REFERENCE = re.compile(r"[\x21-\x7e]{1,100}")


class DocumentKind(StrEnum):
    """What a document is, as the seller says or the parser finds."""

    INVOICE = "invoice"
    PACKING_LIST = "packing_list"
    BILL_OF_LADING = "bill_of_lading"
    PROOF_OF_DELIVERY = "proof_of_delivery"
    TRACKING = "tracking"
    PHOTO = "photo"
    CORRESPONDENCE = "correspondence"
    OTHER = "other"


class Reading(StrEnum):
    """What became of reading a document's text."""

    WAITING = "waiting"
    READ = "read"
    NEEDS_TYPING = "needs_typing"
    """A scan or a picture: it holds no text, so a person types what it says."""
    UNREADABLE = "unreadable"
    NOT_READ = "not_read"
    """A photo proves by being seen."""


class MatchStatus(StrEnum):
    """A machine proposes, a person decides; only accepted matches use units and enter packets."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class _Form(StrEnum):
    TEXT = "text"
    REFERENCE = "reference"
    DAY = "day"
    COUNT = "count"
    MONEY = "money"
    CURRENCY = "currency"


DOCUMENT_FIELDS: Mapping[str, _Form] = {
    "supplier": _Form.TEXT,
    "invoice_number": _Form.TEXT,
    "invoice_date": _Form.DAY,
    "currency": _Form.CURRENCY,
    "total_minor": _Form.MONEY,
    "order_id": _Form.REFERENCE,
    "shipment_id": _Form.REFERENCE,
    "tracking_number": _Form.REFERENCE,
}
LINE_FIELDS: Mapping[str, _Form] = {
    "sku": _Form.TEXT,
    "asin": _Form.REFERENCE,
    "fnsku": _Form.REFERENCE,
    "description": _Form.TEXT,
    "quantity": _Form.COUNT,
    "unit_cost_minor": _Form.MONEY,
    "line_total_minor": _Form.MONEY,
}
"""Of a line; money is minor units of the document's currency."""


def checked_value(line_no: int, name: str, value: str | None) -> str | None:
    """The value in the one form in which it is stored; None takes a field away.

    Raises:
        WrongField: no such field, or the value is not of its form.
    """
    form = (LINE_FIELDS if line_no else DOCUMENT_FIELDS).get(name)
    if form is None or not 0 <= line_no <= MOST_LINES:
        raise WrongField(f"there is no field {name} of {'a line' if line_no else 'the document'}")
    if value is None:
        return None
    stripped = unicodedata.normalize("NFC", value).strip()
    if not _has_form(form, stripped):
        raise WrongField(f"{name} is not a {form.value}: {_WRITTEN[form]}")
    return str(int(stripped)) if form in {_Form.COUNT, _Form.MONEY} else stripped


_WRITTEN = {
    _Form.TEXT: f"at most {LONGEST_VALUE_CHARS} characters",
    _Form.REFERENCE: "at most 100 plain characters without spaces",
    _Form.DAY: "written YYYY-MM-DD",
    _Form.COUNT: "a whole number above zero",
    _Form.MONEY: "a whole number of the currency's smallest unit",
    _Form.CURRENCY: "three small letters",
}


def _has_form(form: _Form, value: str) -> bool:
    match form:
        case _Form.TEXT:
            printable = all(unicodedata.category(char)[0] != "C" for char in value)
            return 0 < len(value) <= LONGEST_VALUE_CHARS and printable
        case _Form.REFERENCE:
            return _REFERENCE.fullmatch(value) is not None
        case _Form.CURRENCY:
            return _CURRENCY.fullmatch(value) is not None
        case _Form.DAY:
            return _day(value) is not None
        case _Form.COUNT | _Form.MONEY:
            number = int(value) if re.fullmatch(r"[0-9]{1,10}", value) else -1
            return (1 if form is _Form.COUNT else 0) <= number <= _LARGEST
    return False


def _day(value: str) -> date | None:
    try:
        return date.fromisoformat(value) if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Need:
    """Documents one of which a claim needs, and why it matters."""

    name: str
    kinds: frozenset[DocumentKind]
    why: str


_COST = Need(
    "cost_document",
    frozenset({DocumentKind.INVOICE}),
    "Amazon values lost stock at its own estimate unless your supplier's invoice shows what a unit cost",
)
_RETURN = Need(
    "order_proof",
    frozenset({DocumentKind.CORRESPONDENCE, DocumentKind.TRACKING, DocumentKind.PHOTO}),
    "messages or photos of the order support that the return never came back as sold",
)
_SHIPPED = Need(
    "removal_tracking",
    frozenset({DocumentKind.TRACKING, DocumentKind.PROOF_OF_DELIVERY, DocumentKind.PHOTO}),
    "only the carrier's tracking, or photos with the label, show that the units never reached you",
)
_MEASURED = Need(
    "measures",
    frozenset({DocumentKind.PHOTO}),
    "photos with scale and tape measure show the true size that the fee follows from",
)
_INBOUND = (
    Need(
        "packing_list",
        frozenset({DocumentKind.PACKING_LIST}),
        "a packing list shows how many units you sent",
    ),
    Need(
        "proof_of_delivery",
        frozenset({DocumentKind.PROOF_OF_DELIVERY, DocumentKind.BILL_OF_LADING}),
        "a proof of delivery shows that Amazon received the boxes",
    ),
)
_NEEDS: Mapping[str, tuple[Need, ...]] = {
    "warehouse_lost": (_COST,),
    "warehouse_damaged": (_COST,),
    "customer_return": (_RETURN,),
    "removal_lost": (_COST, _SHIPPED),
    "inbound_shortage": (_COST, *_INBOUND),
    "fee_overcharge": (_MEASURED,),
    "underpaid": (_COST,),
    # What was paid and taken back is on Amazon's own rows.
    "reversal": (),
}
"""From facts/amazon-gmail.md section 6: what a file needs by claim type."""


def needs_of(claim_type: str) -> tuple[Need, ...]:
    """What proves a claim of this type besides Amazon's own rows; of an unknown type the cost."""
    return _NEEDS.get(claim_type, (_COST,))
