"""Finances 2024-06-19 as a book: every movement of money once, in the words of that version.

A deferred sale is one transaction until it matures. Then it is two: the old one, now
DEFERRED_RELEASED, and a RELEASED one with the same money, each naming the other.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opside_sandbox.amazon.history.model import Order, Product
from opside_sandbox.amazon.reports.settlement import (
    SUBSCRIPTION_AFTER,
    Row,
    group_id,
    order_rows,
    period_of,
    periods,
    refund_rows,
    reimbursement_row,
    subscription_row,
    total_minor,
)
from opside_sandbox.amazon.spapi.deferral import matures
from opside_sandbox.amazon.view import View

DEFERRED, RELEASED, DEFERRED_RELEASED = "DEFERRED", "RELEASED", "DEFERRED_RELEASED"
_SUMS = {
    "price-amount": "ProductCharges", "promotion-amount": "PromotionalRebates",
    "item-related-fee-amount": "AmazonFees", "other-amount": "Other",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Transaction:
    """One entry. `rows` are the settlement's own rows of the same money."""

    at: datetime
    kind: str
    description: str
    rows: tuple[Row, ...]
    status: str = RELEASED
    order_id: str = ""
    product: Product | None = None
    units: int = 0
    matures: datetime | None = None

    @property
    def total_minor(self) -> int:
        """Signed, in minor units."""
        return total_minor(self.rows)

    def sums(self) -> dict[str, int]:
        """Kind of charge -> minor units; they add up to the total."""
        found: dict[str, int] = {}
        for row in self.rows:
            for column, name in _SUMS.items():
                if isinstance(amount := row.get(column), int):
                    found[name] = found.get(name, 0) + amount
        return found

    def id_as(self, status: str) -> str:
        """The id of this money's entry under a status."""
        twin = "released" if status == RELEASED and self.matures else ""
        name = f"{self.kind}/{self.order_id}/{self.at.isoformat()}/{self.rows}/{twin}"
        return hashlib.sha256(name.encode()).hexdigest()[:43]


def _sales(view: View, order: Order) -> Iterator[Transaction]:
    until, rows = matures(order), tuple(order_rows(view, order))

    def entry(at: datetime, status: str) -> Transaction:
        return Transaction(
            at, "Shipment", "Order Payment", rows, status, order.order_id,
            order.product, order.quantity, until,
        )  # fmt: skip

    if until is None:
        yield entry(order.at, RELEASED)
    elif until > view.as_of:
        yield entry(order.at, DEFERRED)
    else:
        yield entry(order.at, DEFERRED_RELEASED)
        yield entry(until, RELEASED)


def transactions(view: View) -> list[Transaction]:
    """Everything posted within the view's period, oldest first."""
    found = [one for order in view.history.orders for one in _sales(view, order)]
    for refund in view.history.refunds:
        rows, product = tuple(refund_rows(view, refund)), refund.order.product
        found.append(
            Transaction(
                refund.at, "Refund", "Refund Order", rows,
                order_id=refund.order.order_id, product=product, units=1,
            )
        )  # fmt: skip
    for paid in view.reimbursements():
        row = reimbursement_row(paid)
        if paid.total_minor:
            words = str(row["transaction-type"])
            found.append(
                Transaction(
                    paid.approved_at, "Adjustment", words, (row,),
                    order_id=str(row["order-id"]), product=paid.product, units=abs(paid.cash),
                )
            )  # fmt: skip
    for period in (*periods(view, kept_days=730), period_of(view, view.as_of)):
        at = period.start + SUBSCRIPTION_AFTER
        if at <= view.as_of:
            row = subscription_row(view, period)
            found.append(Transaction(at, "ServiceFee", "Subscription", (row,)))
    within = [one for one in found if view.start <= one.at <= view.end]
    return sorted(within, key=lambda one: (one.at, one.kind, one.order_id, one.status))


def currency(view: View, minor: int) -> dict[str, Any]:
    """An amount as this version writes it."""
    return {
        "currencyAmount": view.history.persona.store.major(minor),
        "currencyCode": view.history.persona.store.currency,
    }


def _identifiers(view: View, one: Transaction) -> list[dict[str, str]]:
    group = group_id(period_of(view, one.at))
    named = [("FINANCIAL_EVENT_GROUP_ID", group)]
    if one.order_id:
        named.append(("ORDER_ID", one.order_id))
    if one.matures and one.status == RELEASED:
        named.append(("DEFERRED_TRANSACTION_ID", _first(one).id_as(DEFERRED)))
    if one.status == DEFERRED_RELEASED:
        named.append(("RELEASE_TRANSACTION_ID", _second(one).id_as(RELEASED)))
    return [
        {"relatedIdentifierName": name, "relatedIdentifierValue": value} for name, value in named
    ]


def _moved(one: Transaction, at: datetime) -> Transaction:
    return Transaction(
        at, one.kind, one.description, one.rows, one.status, one.order_id,
        one.product, one.units, one.matures,
    )  # fmt: skip


def _first(one: Transaction) -> Transaction:
    sold = one.rows[0]["posted-date"]
    return _moved(one, sold) if isinstance(sold, datetime) else one


def _second(one: Transaction) -> Transaction:
    return _moved(one, one.matures) if one.matures else one


def _breakdowns(view: View, one: Transaction) -> list[dict[str, Any]]:
    return [
        {"breakdownType": name, "breakdownAmount": currency(view, minor), "breakdowns": []}
        for name, minor in one.sums().items()
    ]


def wire(view: View, one: Transaction) -> dict[str, Any]:
    """The transaction as the API shows it."""
    store, breakdowns = view.history.persona.store, _breakdowns(view, one)
    shown: dict[str, Any] = {
        "sellingPartnerMetadata": {
            "sellingPartnerId": view.history.persona.seller_id,
            "accountType": "Standard Orders",
            "marketplaceId": store.id,
        },
        "relatedIdentifiers": _identifiers(view, one),
        "transactionType": one.kind,
        "transactionId": one.id_as(one.status),
        "transactionStatus": one.status,
        "description": one.description,
        "postedDate": one.at.isoformat(),
        "totalAmount": currency(view, one.total_minor),
        "marketplaceDetails": {"marketplaceId": store.id, "marketplaceName": store.name},
        "contexts": [],
        "breakdowns": breakdowns,
    }
    if one.matures and one.status != RELEASED:
        shown["contexts"].append(
            {
                "contextType": "DeferredContext",
                "deferralReason": "DD7",
                "maturityDate": one.matures.isoformat(),
            }
        )
    if one.product is not None:
        context = {
            "contextType": "ProductContext",
            "asin": one.product.asin,
            "sku": one.product.sku,
            "quantityShipped": one.units,
            "fulfillmentNetwork": "AFN",
        }
        item = {"description": one.product.title, "totalAmount": shown["totalAmount"]}
        shown["items"] = [{**item, "breakdowns": breakdowns, "contexts": [context]}]
    return shown
