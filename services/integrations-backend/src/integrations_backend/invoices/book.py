"""Unit costs of sure and confirmed invoices go into the cost book, under the seller's own SKUs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from integrations_backend.archive import Archive
from integrations_backend.cases.link_costs import (
    InvoiceCosts,
    book_invoices,
    entered_costs,
    goods_of_claims,
)
from integrations_backend.invoices import queries
from integrations_backend.invoices.models import SupplierInvoice
from integrations_backend.invoices.rules import Status
from integrations_backend.invoices.weigh import weigh
from integrations_backend.reports.kinds import INVENTORY
from integrations_backend.reports.snapshot import newest_snapshot
from opside_chassis.database import Sessions, transaction


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The goods that a seller sells, by each code that a supplier may write."""

    skus: frozenset[str]
    by_fnsku: Mapping[str, frozenset[str]]
    by_asin: Mapping[str, frozenset[str]]

    def skus_of(self, line: Mapping[str, Any]) -> frozenset[str]:
        """The SKUs that a line means; none when it is unknown or the codes contradict each other."""
        meant = [
            found
            for found in (
                frozenset({line["sku"]}) & self.skus,
                self.by_fnsku.get(line["fnsku"], frozenset()),
                self.by_asin.get(line["asin"], frozenset()),
            )
            if found
        ]
        return frozenset.intersection(*meant) if meant else frozenset()


async def catalogue_of(sessions: Sessions, archive: Archive, user_id: str) -> Catalogue:
    """From the newest stock report and the claims; empty until Amazon was read."""
    goods = [(sku, fnsku, "") for sku, fnsku in await goods_of_claims(sessions, user_id=user_id)]
    stock = await newest_snapshot(sessions, archive, user_id=user_id, report_type=INVENTORY)
    if stock is not None:
        goods += stock.select("sku", "fnsku", "asin").unique().rows()
    return catalogue(goods)


def catalogue(goods: Iterable[tuple[str, str, str]]) -> Catalogue:
    """Of (SKU, FNSKU, ASIN); empty codes are none."""
    by_fnsku: dict[str, set[str]] = defaultdict(set)
    by_asin: dict[str, set[str]] = defaultdict(set)
    skus = set()
    for sku, fnsku, asin in goods:
        if not sku:
            continue
        skus.add(sku)
        if fnsku:
            by_fnsku[fnsku].add(sku)
        if asin:
            by_asin[asin].add(sku)
    return Catalogue(
        frozenset(skus),
        {code: frozenset(found) for code, found in by_fnsku.items()},
        {code: frozenset(found) for code, found in by_asin.items()},
    )


async def book_costs(sessions: Sessions, archive: Archive, *, user_id: str) -> int:
    """Bring the cost book in step with the invoices; answers how many cases changed.

    Goods that are not known yet wait for Amazon's reports; a cost that a person entered stays.
    A price that nobody confirmed is proposed, not booked, where another speaks against it (`weigh`).
    """
    async with transaction(sessions, tenant=user_id) as session:
        invoices = await queries.booked(session, user_id)
    known = await catalogue_of(sessions, archive, user_id) if invoices else catalogue([])
    weighed = weigh(
        [(Status(one.status) is Status.CONFIRMED, _costs(one, known)) for one in invoices],
        await entered_costs(sessions, user_id=user_id),
    )
    async with transaction(sessions, tenant=user_id) as session:
        for costs, reason in weighed.doubtful:
            await queries.propose(session, user_id, costs.invoice_id, reason)
    return await book_invoices(sessions, weighed.kept, user_id=user_id)


def _costs(invoice: SupplierInvoice, known: Catalogue) -> InvoiceCosts:
    unit_costs: dict[str, set[int]] = defaultdict(set)
    for line in invoice.goods["lines"]:
        if line["unitCostMinor"]:
            for sku in known.skus_of(line):
                unit_costs[sku].add(line["unitCostMinor"])
    assert invoice.dated is not None  # noqa: S101 - the table refuses it
    return InvoiceCosts(
        invoice_id=invoice.id,
        source_document=f"invoice {invoice.number} of {invoice.supplier}"[:300],
        currency=invoice.currency or "",
        effective_date=invoice.dated,
        # One SKU at two prices has no unit cost: that is no number to invent.
        unit_costs={sku: costs.pop() for sku, costs in unit_costs.items() if len(costs) == 1},
    )
