"""GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE ("V1" layout), summed as the real ones are."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from opside_sandbox.amazon.history.model import Order, Refund, Reimbursement
from opside_sandbox.amazon.reports.dialect import money, stamp
from opside_sandbox.amazon.view import View

PERIOD_DAYS = 14
_LAST_END_BEFORE_BIRTH_DAYS = 2
_TAX_BP = {"GB": 2000}
"""Fee rows of the UK store include 20 % tax, as the real Canadian ones include theirs."""

COLUMNS = (
    "settlement-id", "settlement-start-date", "settlement-end-date", "deposit-date",
    "total-amount", "currency", "transaction-type", "order-id", "merchant-order-id",
    "adjustment-id", "shipment-id", "marketplace-name", "shipment-fee-type",
    "shipment-fee-amount", "order-fee-type", "order-fee-amount", "fulfillment-id",
    "posted-date", "order-item-code", "merchant-order-item-id", "merchant-adjustment-item-id",
    "sku", "quantity-purchased", "price-type", "price-amount", "item-related-fee-type",
    "item-related-fee-amount", "misc-fee-amount", "other-fee-amount",
    "other-fee-reason-description", "promotion-id", "promotion-type", "promotion-amount",
    "direct-payment-type", "direct-payment-amount", "other-amount",
)  # fmt: skip
_PROMOTION = ("promotion-id", "promotion-type", "promotion-amount")
_AMOUNTS = tuple(n for n in COLUMNS if n.endswith("-amount") and n != "total-amount")
KINDS = {
    "Lost_Warehouse": "WAREHOUSE_LOST", "Damaged_Warehouse": "WAREHOUSE_DAMAGE",
    "CustomerReturn": "REVERSAL_REIMBURSEMENT", "Lost_Inbound": "MISSING_FROM_INBOUND",
    "Reimbursement_Reversal": "COMPENSATED_CLAWBACK", "Lost_Outbound": "WAREHOUSE_LOST",
}  # fmt: skip

_Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Period:
    """One settlement: from `start` (inclusive) to `end` (exclusive)."""

    settlement_id: str
    start: datetime
    end: datetime


def periods(view: View, *, kept_days: int = 90) -> list[Period]:
    """The settlements closed by now and still kept, oldest first."""
    born = datetime.combine(view.history.born, time(7, 7, 19), UTC)
    end = born - timedelta(days=_LAST_END_BEFORE_BIRTH_DAYS)
    found = []
    while end - timedelta(days=PERIOD_DAYS) > view.as_of - timedelta(days=kept_days + 30):
        end -= timedelta(days=PERIOD_DAYS)
    while end <= view.as_of:
        if end >= view.as_of - timedelta(days=kept_days):
            start = end - timedelta(days=PERIOD_DAYS)
            name = f"{view.history.persona.seller_id}/{end.isoformat()}".encode()
            number = int.from_bytes(hashlib.sha256(name).digest()[:6], "big") % 9 * 10**10
            number += int.from_bytes(hashlib.sha256(name).digest()[6:12], "big") % 10**10
            found.append(Period(str(10**10 + number), start, end))
        end += timedelta(days=PERIOD_DAYS)
    return found


def _with_tax(view: View, amount_minor: int) -> int:
    rate = _TAX_BP.get(view.history.persona.store.country, 0)
    return amount_minor + (amount_minor * rate + 5000) // 10000


def _order_rows(view: View, order: Order) -> Iterator[_Row]:
    product, count = order.product, order.quantity
    base = {
        "transaction-type": "Order", "order-id": order.order_id,
        "merchant-order-id": order.order_id, "shipment-id": order.shipment_id,
        "marketplace-name": view.history.persona.store.name, "fulfillment-id": "AFN",
        "posted-date": stamp(order.at), "order-item-code": order.item_code, "sku": product.sku,
    }  # fmt: skip
    yield {**base, "quantity-purchased": str(count)}
    yield {**base, "price-type": "Principal", "price-amount": money(product.price_minor * count)}
    if order.shipping_minor:
        shipping = money(order.shipping_minor)
        yield {**base, "price-type": "Shipping", "price-amount": shipping}
        yield {**base, "promotion-type": "Shipping", "promotion-amount": f"-{shipping}"}
    for kind, fee in (
        ("FBAPerUnitFulfillmentFee", product.fulfilment_minor * count),
        ("Commission", product.referral_minor * count),
    ):
        amount = money(-_with_tax(view, fee))
        yield {**base, "item-related-fee-type": kind, "item-related-fee-amount": amount}


def _refund_rows(view: View, refund: Refund) -> Iterator[_Row]:
    product, order = refund.order.product, refund.order
    base = {
        "transaction-type": "Refund", "order-id": order.order_id,
        "merchant-order-id": order.order_id, "adjustment-id": refund.adjustment_id,
        "marketplace-name": view.history.persona.store.name, "fulfillment-id": "AFN",
        "posted-date": stamp(refund.at), "order-item-code": order.item_code,
        "merchant-adjustment-item-id": refund.item_id, "sku": product.sku,
    }  # fmt: skip
    if order.shipping_minor:
        shipping = money(order.shipping_minor)
        yield {**base, "price-type": "Shipping", "price-amount": f"-{shipping}"}
    yield {**base, "price-type": "Principal", "price-amount": money(-product.price_minor)}
    commission = _with_tax(view, product.referral_minor)
    for kind, fee in (
        ("Commission", commission),
        ("RefundCommission", -min(_with_tax(view, 500), (commission + 2) // 5)),
    ):
        yield {**base, "item-related-fee-type": kind, "item-related-fee-amount": money(fee)}
    if order.shipping_minor:
        shipping = money(order.shipping_minor)
        yield {**base, "promotion-type": "Shipping", "promotion-amount": shipping}


def _reimbursement_row(one: Reimbursement) -> _Row:
    order_id = one.order_id if one.reason == "CustomerReturn" else ""
    return {
        "transaction-type": KINDS.get(one.reason, one.reason.upper()), "order-id": order_id,
        "adjustment-id": one.adjustment_id, "posted-date": stamp(one.approved_at),
        "sku": one.product.sku, "quantity-purchased": str(abs(one.cash)),
        "other-amount": money(one.total_minor),
    }  # fmt: skip


def _body(view: View, period: Period) -> Iterator[_Row]:
    """All money of the period but what the one before it left over."""
    for order in view.history.orders:
        if period.start <= order.at < period.end:
            yield from _order_rows(view, order)
    for refund in view.history.refunds:
        if period.start <= refund.at < period.end:
            yield from _refund_rows(view, refund)
    for one in view.reimbursements():
        if period.start <= one.approved_at < period.end and one.total_minor:
            yield _reimbursement_row(one)
    at = stamp(period.start + timedelta(days=5, hours=3))
    fee = money(-_with_tax(view, 3999))
    yield {"transaction-type": "Subscription Fee", "posted-date": at, "other-amount": fee}


def _total_minor(rows: list[_Row]) -> int:
    cells = (row.get(name, "") for row in rows for name in _AMOUNTS)
    return sum(int(cell.strip().replace(".", "")) for cell in cells if cell)


def settlement(view: View, period: Period) -> Iterator[str]:
    """The file: a totals row, the debt of a negative period before it, then all its rows."""
    rows = list(_body(view, period))
    length = timedelta(days=PERIOD_DAYS)
    before = Period("", period.start - length, period.start)
    owed = -_total_minor(list(_body(view, before)))
    if owed > 0:
        at = stamp(period.start)
        rows.append(
            {
                "transaction-type": "Payable to Amazon",
                "posted-date": at,
                "other-amount": money(-owed),
            }
        )
        # The real files pad this amount with four spaces.
        paid = {"transaction-type": "Successful charge", "other-amount": money(owed) + "    "}
        rows.append({**paid, "posted-date": stamp(period.start + timedelta(hours=1))})
    promoted = any("promotion-amount" in row for row in rows)
    columns = [name for name in COLUMNS if promoted or name not in _PROMOTION]
    first = {
        "settlement-start-date": stamp(period.start), "settlement-end-date": stamp(period.end),
        "deposit-date": stamp(period.end + timedelta(days=2)),
        "total-amount": money(_total_minor(rows)),
        "currency": view.history.persona.store.currency,
    }  # fmt: skip
    yield "\t".join(columns) + "\n"
    for row in (first, *rows):
        cells = {**row, "settlement-id": period.settlement_id}
        yield "\t".join(cells.get(name, "") for name in columns) + "\n"
