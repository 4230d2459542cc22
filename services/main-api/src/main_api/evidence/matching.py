"""Which open cases a document answers, and why. Pure: documents and cases in, proposals out.

An order or shipment id on the document is enough by itself. A unit's label is not: the same SKU is
lost many times, so FNSKU or SKU count only together with quantity, date and amount.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from main_api.case_facts.facts import Facts

BASIS_POINTS = 10_000
ORDER_BP, SHIPMENT_BP, FNSKU_BP, SKU_BP = 9_500, 9_300, 8_500, 6_500
"""How sure each way of matching is, before the doubts of the reading."""
WITH_LINE_BP = 200
"""So much surer when a line names the same article, too."""
OLDEST_INVOICE = timedelta(days=365)
"""Amazon takes cost documents that are less than a year old (facts/amazon-gmail.md section 6)."""
TOLERANCE_PERCENT = 5
"""Between what the invoice says and what the case is worth: rounding and partial discounts."""
VALUED_BY_COST = frozenset(
    {"warehouse_lost", "warehouse_damaged", "removal_lost", "inbound_shortage"}
)
"""Other claims are worth what was sold, which no supplier's invoice tells."""


@dataclass(frozen=True, slots=True)
class Value:
    """A field's value and how surely it was read."""

    text: str
    confidence_bp: int


Values = Mapping[str, Value]


@dataclass(slots=True)
class Line:
    """A line of an invoice; `free` are the units that no accepted match uses."""

    line_no: int
    values: Values
    free: int


@dataclass(frozen=True, slots=True)
class Document:
    """What one document says."""

    values: Values
    lines: Sequence[Line] = field(default=())


@dataclass(frozen=True, slots=True)
class Proposal:
    """So many units of a line answer a case; line 0 with no units is the document as a whole."""

    case_id: str
    line_no: int
    units: int
    confidence_bp: int
    reasons: tuple[str, ...]


def propose(
    document: Document, cases: Sequence[Facts], *, proven: Mapping[str, int] | None = None
) -> list[Proposal]:
    """The best proposals, the surest first; together they never use a unit of a line twice.

    `proven` are the units of a case that accepted matches prove already.
    """
    candidates = [one for case in cases for one in _candidates(document, case, proven or {})]
    deadlines = {case.case_id: case.deadline for case in cases}
    candidates.sort(key=lambda one: (-one.confidence_bp, deadlines[one.case_id], one.line_no))
    free = {line.line_no: line.free for line in document.lines}
    chosen: dict[str, Proposal] = {}
    for one in candidates:
        if one.case_id in chosen or one.units > free.get(one.line_no, 0):
            continue
        if one.units:
            free[one.line_no] -= one.units
        chosen[one.case_id] = one
    return list(chosen.values())


def _candidates(document: Document, case: Facts, proven: Mapping[str, int]) -> Iterator[Proposal]:
    named = _named(document.values, case)
    wanted = case.quantity - proven.get(case.case_id, 0)
    if wanted > 0:
        for line in document.lines:
            found = _line_answers(document, line, case, wanted, named)
            if found is not None:
                yield found
    if named is not None:
        confidence_bp, reason = named
        yield Proposal(case.case_id, 0, 0, confidence_bp, (reason,))


def _named(values: Values, case: Facts) -> tuple[int, str] | None:
    """The document names the case's order or shipment."""
    order, shipment = values.get("order_id"), values.get("shipment_id")
    if order is not None and case.order_id and order.text == case.order_id:
        return _doubted(ORDER_BP, order), f"the document names order {order.text}"
    if shipment is not None and case.reference_id and shipment.text == case.reference_id:
        return _doubted(SHIPMENT_BP, shipment), f"the document names shipment {shipment.text}"
    return None


def _line_answers(
    document: Document, line: Line, case: Facts, wanted: int, named: tuple[int, str] | None
) -> Proposal | None:
    article = _same_article(line.values, case)
    if article is None:
        return None
    base_bp, seen, reason = article
    quantity = f"{line.free} free units cover the {wanted} that are claimed"
    if named is not None:
        named_bp, named_reason = named
        sure = min(BASIS_POINTS, named_bp + _doubted(WITH_LINE_BP, seen))
        return Proposal(case.case_id, line.line_no, wanted, sure, (named_reason, reason, quantity))
    dated, paid = _date_fits(document.values, case), _amount_fits(document, line, case, wanted)
    if dated is None or paid is None:
        return None
    doubts = (seen, document.values["invoice_date"], line.values["unit_cost_minor"])
    confidence_bp = min(_doubted(base_bp, one) for one in doubts)
    return Proposal(
        case.case_id, line.line_no, wanted, confidence_bp, (reason, quantity, dated, paid)
    )


def _same_article(values: Values, case: Facts) -> tuple[int, Value, str] | None:
    fnsku, sku = values.get("fnsku"), values.get("sku")
    if fnsku is not None and case.fnsku and fnsku.text == case.fnsku:
        return FNSKU_BP, fnsku, f"the line names FNSKU {fnsku.text}"
    if sku is not None and case.sku and sku.text == case.sku:
        return SKU_BP, sku, f"the line names SKU {sku.text}, which alone would prove nothing"
    return None


def _date_fits(values: Values, case: Facts) -> str | None:
    written = values.get("invoice_date")
    if written is None:
        return None
    day = date.fromisoformat(written.text)
    if not case.event_date - OLDEST_INVOICE <= day <= case.event_date:
        return None
    return (
        f"dated {day.isoformat()}, within a year before the loss of {case.event_date.isoformat()}"
    )


def _amount_fits(document: Document, line: Line, case: Facts, wanted: int) -> str | None:
    currency, cost = document.values.get("currency"), line.values.get("unit_cost_minor")
    if currency is None or cost is None or currency.text != case.currency:
        return None
    if case.claim_type not in VALUED_BY_COST:
        return None
    unit = int(cost.text)
    if case.value_minor is None:
        return f"tells the unit cost ({unit} minor units {case.currency}) that the claim lacks"
    worth = case.value_minor * wanted // max(case.quantity, 1)
    if abs(unit * wanted - worth) * 100 > worth * TOLERANCE_PERCENT:
        return None
    return f"{wanted} units at {unit} minor units {case.currency} are what the claim is worth"


def _doubted(base_bp: int, value: Value) -> int:
    return base_bp * value.confidence_bp // BASIS_POINTS
