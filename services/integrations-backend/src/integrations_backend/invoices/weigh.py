"""Which invoices' unit costs may go into the cost book: where two speak against each other, and why.

Anybody can send a mail, so a cost that nobody confirmed gives way: to the cost before, of which it may not be
less than half or more than twice, and to another invoice of the same day. Of two that nobody confirmed
neither counts until the seller says which. Of two that he confirmed the lower counts: then no claim asks for
more than an invoice proves. In whatever order invoices came, the book is the same.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter

from integrations_backend.cases.link_costs import InvoiceCosts

FAR_OFF = 2
"""A unit cost this many times above or below the one before is looked at by a person."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """Costs to book, and those that a person must look at, with the reason."""

    kept: list[InvoiceCosts]
    doubtful: list[tuple[InvoiceCosts, str]]


@dataclass(frozen=True, slots=True)
class _Told:
    """What an invoice says, and whether the seller confirmed or corrected it."""

    is_confirmed: bool
    costs: InvoiceCosts

    def rivals(self, others: Iterable["_Told"]) -> Iterable[tuple[str, "_Told"]]:
        """Invoices of the same day that tell another cost of one of its SKUs."""
        for other in others:
            if other.costs.currency == self.costs.currency:
                for sku, cost in sorted(self.costs.unit_costs.items()):
                    if other.costs.unit_costs.get(sku, cost) != cost:
                        yield sku, other


def weigh(
    invoices: Iterable[tuple[bool, InvoiceCosts]], entered: Mapping[tuple[str, str], int]
) -> Weighed:
    """(confirmed, costs) of each invoice, day by day, against the unit costs that people `entered`.

    What is kept has one cost for a SKU, currency and day; an invoice that gave way keeps the others.
    """
    before = dict(entered)
    found = Weighed([], [])
    told = sorted(
        (_Told(*one) for one in invoices),
        key=lambda one: (one.costs.effective_date, one.costs.invoice_id),
    )
    for _, of_day in groupby(told, key=attrgetter("costs.effective_date")):
        left = _without_doubtful(list(of_day), before, found)
        for one in left:
            kept = _won(one, left)
            before |= {(sku, kept.currency): cost for sku, cost in kept.unit_costs.items()}
            found.kept.append(kept)
    return found


def _without_doubtful(
    told: list[_Told], before: Mapping[tuple[str, str], int], found: Weighed
) -> list[_Told]:
    """First what is far off, so that it speaks against no other; then what a person's word is against."""
    near = _divided(told, lambda one: _far_off(one.costs, before), found)
    confirmed = [one for one in near if one.is_confirmed]
    agreeing = _divided(near, lambda one: _against(one, confirmed), found)
    return _divided(agreeing, lambda one: _against(one, agreeing), found)


def _divided(
    told: Iterable[_Told], doubt: Callable[[_Told], str | None], found: Weighed
) -> list[_Told]:
    """What is left; an invoice that nobody confirmed and that is doubted goes to the doubtful."""
    left = []
    for one in told:
        reason = None if one.is_confirmed else doubt(one)
        if reason is None:
            left.append(one)
        else:
            found.doubtful.append((one.costs, reason))
    return left


def _far_off(costs: InvoiceCosts, before: Mapping[tuple[str, str], int]) -> str | None:
    for sku, cost in sorted(costs.unit_costs.items()):
        known = before.get((sku, costs.currency), cost)
        if cost > FAR_OFF * known or cost * FAR_OFF < known:
            return f"{sku} costs less than half or more than twice what it cost before"
    return None


def _against(one: _Told, others: Iterable[_Told]) -> str | None:
    for sku, rival in one.rivals(others):
        if _is_same_invoice(one.costs, rival.costs):
            said = f"another paper of the same invoice tells another cost of {sku}"
        else:
            said = f"{rival.costs.source_document}, of the same day, tells another cost of {sku}"
        return f"{said}: confirm what holds, reject what does not"
    return None


def _won(one: _Told, of_day: Sequence[_Told]) -> InvoiceCosts:
    """Without the costs that another invoice of the day has in the book, which is named as well."""
    costs = one.costs
    lost, beside = set(), {}
    for other in of_day:
        if other is one or other.costs.currency != costs.currency:
            continue
        for sku in costs.unit_costs.keys() & other.costs.unit_costs.keys():
            theirs, ours = other.costs.unit_costs[sku], costs.unit_costs[sku]
            if (theirs, other.costs.invoice_id) < (ours, costs.invoice_id):
                lost.add(sku)
            elif theirs != ours and not _is_same_invoice(costs, other.costs):
                beside[sku] = f"{other.costs.source_document}, of the same day, tells a higher cost"
    won = {sku: cost for sku, cost in costs.unit_costs.items() if sku not in lost}
    return replace(costs, unit_costs=won, beside={k: v for k, v in beside.items() if k in won})


def _is_same_invoice(one: InvoiceCosts, other: InvoiceCosts) -> bool:
    """By supplier and number: then they are two papers of one purchase."""
    return one.source_document.casefold() == other.source_document.casefold()
