"""A claim in words, and the field sheet to copy from. Pure: the same facts give the same text."""

from collections.abc import Mapping
from datetime import date

from main_api.case_facts.facts import Facts
from opside_chassis.money import Money

_LOST = {
    "warehouse_lost": "lost in your fulfilment network",
    "warehouse_damaged": "damaged in your fulfilment network",
    "customer_return": "refunded to a customer and not returned to our inventory as sellable",
    "removal_lost": "shipped by a removal order and never delivered to us",
    "inbound_shortage": "sent in our shipment and not received into our inventory",
}
_SHORT_OF_MONEY = {
    "fee_overcharge": "charged the fulfilment fee of a larger size than its measures have",
    "underpaid": "reimbursed below its value",
    "reversal": "reimbursed, and the reimbursement was taken back, though neither found nor returned",
}
_FOR_THE_SELLER = frozenset({"confidence_because", "valuation", "window"})
"""What detection tells the seller of its own judgement; Amazon is told facts."""
_LABELS = {
    "order_id": "Order id",
    "reference_id": "Reference id",
    "fnsku": "FNSKU",
    "sku": "SKU",
}
_NOT_ANSWERED = " According to our reports they were neither found nor reimbursed."
_LONGEST_VALUE_CHARS = 300


def claim_text(facts: Facts, evidence: int) -> str:
    """What a seller writes to Amazon; nothing in it is more than the facts say."""
    money_only = facts.claim_type in _SHORT_OF_MONEY
    what = (_LOST | _SHORT_OF_MONEY).get(facts.claim_type, facts.claim_type.replace("_", " "))
    rest = "" if money_only else _NOT_ANSWERED
    article = " / ".join(part for part in (facts.fnsku, facts.sku) if part)
    lines = [
        "Hello,",
        "",
        f"{_units(facts.quantity)} of {article or 'our inventory'} {_were(facts.quantity)} {what}"
        f" on {_day(facts.event_date)}.{rest}",
        "",
        *(f"{_LABELS[name]}: {value}" for name, value in _references(facts).items()),
        *(f"{name}: {value}" for name, value in explanation_rows(facts).items()),
        "",
        f"Please pay the difference{_worth(facts)}."
        if money_only
        else f"Please reimburse {_units(facts.quantity)}{_worth(facts)}.",
    ]
    if evidence:
        lines += ["", f"{evidence} document{'s' * (evidence > 1)} that support this are attached."]
    return "\n".join([*lines, "", "Thank you."])


def field_sheet(facts: Facts) -> dict[str, str]:
    """Every fact under the name of Seller Central's forms, in their order."""
    rows = {
        "Claim type": facts.claim_type.replace("_", " "),
        "FNSKU": facts.fnsku,
        "SKU": facts.sku,
        "Order id": facts.order_id,
        "Reference id": facts.reference_id,
        "Quantity": str(facts.quantity),
        "Date of the loss": facts.event_date.isoformat(),
        "Last day to file": facts.deadline.isoformat(),
        "Value": _money(facts) or "unknown: a supplier's invoice is needed",
        "Rule version": facts.rule_version,
    }
    kept = {name: value for name, value in rows.items() if value}
    return kept | explanation_rows(facts)


def explanation_rows(facts: Facts) -> dict[str, str]:
    """The detection's own reasons, as far as they are short plain values."""
    rows = {}
    for name, value in sorted(facts.explanation.items()):
        if name in _FOR_THE_SELLER:
            continue
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            words = name.replace("_", " ").replace("-", " ").strip()
            rows[words[:1].upper() + words[1:]] = str(value)[:_LONGEST_VALUE_CHARS]
    return rows


def _references(facts: Facts) -> Mapping[str, str]:
    return {name: value for name in _LABELS if (value := getattr(facts, name))}


def _units(quantity: int) -> str:
    return f"{quantity} unit{'s' * (quantity != 1)}"


def _were(quantity: int) -> str:
    return "was" if quantity == 1 else "were"


def _worth(facts: Facts) -> str:
    money = _money(facts)
    return f" at {money}" if money else ""


def _money(facts: Facts) -> str:
    if facts.value_minor is None:
        return ""
    money = Money(facts.value_minor, facts.currency)
    return f"{money.to_decimal()} {facts.currency.upper()}"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
