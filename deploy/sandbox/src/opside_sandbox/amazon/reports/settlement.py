"""GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE ("V1" layout), summed as the real ones are."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from opside_sandbox.amazon.history.model import Order, Refund, Reimbursement
from opside_sandbox.amazon.history.periods import PERIOD_DAYS, Period, ending, with_tax
from opside_sandbox.amazon.history.periods import period_of as history_period_of
from opside_sandbox.amazon.reports.dialect import Dialect, dialect_of
from opside_sandbox.amazon.view import View

SUBSCRIPTION_AFTER = timedelta(days=5, hours=3)

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
CHARGED = "Successful charge"
_PROMOTION = ("promotion-id", "promotion-type", "promotion-amount")
_AMOUNTS = tuple(n for n in COLUMNS if n.endswith("-amount") and n != "total-amount")
KINDS = {
    "Lost_Warehouse": "WAREHOUSE_LOST", "Damaged_Warehouse": "WAREHOUSE_DAMAGE",
    "CustomerReturn": "REVERSAL_REIMBURSEMENT", "Lost_Inbound": "MISSING_FROM_INBOUND",
    "Reimbursement_Reversal": "COMPENSATED_CLAWBACK", "Lost_Outbound": "WAREHOUSE_LOST",
}  # fmt: skip

Row = dict[str, str | int | datetime]
"""Column -> value (money in minor units); a column that is not there is empty."""


def period_of(view: View, at: datetime) -> Period:
    """The settlement period of a moment, closed or not."""
    return history_period_of(view.history, at)


def periods(view: View, *, kept_days: int = 90) -> list[Period]:
    """The settlements closed by now and still kept, oldest first."""
    length = timedelta(days=PERIOD_DAYS)
    end, found = period_of(view, view.as_of).start, []
    while end >= view.as_of - timedelta(days=kept_days):
        found.append(ending(view.history, end))
        end -= length
    return found[::-1]


def _with_tax(view: View, amount_minor: int) -> int:
    return with_tax(view.history, amount_minor)


def order_rows(view: View, order: Order) -> Iterator[Row]:
    """A sale: its units, price, promotions and fees."""
    product, count = order.product, order.quantity
    base: Row = {
        "transaction-type": "Order", "order-id": order.order_id,
        "merchant-order-id": order.order_id, "shipment-id": order.shipment_id,
        "marketplace-name": view.history.persona.store.name, "fulfillment-id": "AFN",
        "posted-date": order.at, "order-item-code": order.item_code, "sku": product.sku,
    }  # fmt: skip
    yield {**base, "quantity-purchased": str(count)}
    yield {**base, "price-type": "Principal", "price-amount": product.price_minor * count}
    if order.shipping_minor:
        shipping = order.shipping_minor
        yield {**base, "price-type": "Shipping", "price-amount": shipping}
        yield {**base, "promotion-type": "Shipping", "promotion-amount": -shipping}
    for kind, fee in (
        ("FBAPerUnitFulfillmentFee", order.fulfilment_minor * count),
        ("Commission", product.referral_minor * count),
    ):
        amount = -_with_tax(view, fee)
        yield {**base, "item-related-fee-type": kind, "item-related-fee-amount": amount}


def refund_rows(view: View, refund: Refund) -> Iterator[Row]:
    """What a refund moves back."""
    product, order = refund.order.product, refund.order
    base: Row = {
        "transaction-type": "Refund", "order-id": order.order_id,
        "merchant-order-id": order.order_id, "adjustment-id": refund.adjustment_id,
        "marketplace-name": view.history.persona.store.name, "fulfillment-id": "AFN",
        "posted-date": refund.at, "order-item-code": order.item_code,
        "merchant-adjustment-item-id": refund.item_id, "sku": product.sku,
    }  # fmt: skip
    if order.shipping_minor:
        yield {**base, "price-type": "Shipping", "price-amount": -order.shipping_minor}
    yield {**base, "price-type": "Principal", "price-amount": -product.price_minor}
    commission = _with_tax(view, product.referral_minor)
    for kind, fee in (
        ("Commission", commission),
        ("RefundCommission", -min(_with_tax(view, 500), (commission + 2) // 5)),
    ):
        yield {**base, "item-related-fee-type": kind, "item-related-fee-amount": fee}
    if order.shipping_minor:
        yield {**base, "promotion-type": "Shipping", "promotion-amount": order.shipping_minor}


def reimbursement_row(one: Reimbursement) -> Row:
    """A payment for lost goods, or its reversal."""
    order_id = one.order_id if one.reason == "CustomerReturn" else ""
    return {
        "transaction-type": KINDS.get(one.reason, one.reason.upper()), "order-id": order_id,
        "adjustment-id": one.adjustment_id, "posted-date": one.approved_at,
        "sku": one.product.sku, "quantity-purchased": str(abs(one.cash)),
        "other-amount": one.total_minor,
    }  # fmt: skip


def subscription_row(view: View, period: Period) -> Row:
    """What the seller pays for his selling plan, once a period."""
    return {
        "transaction-type": "Subscription Fee",
        "posted-date": period.start + SUBSCRIPTION_AFTER,
        "other-amount": -_with_tax(view, 3999),
    }


def rows_of_sales(view: View) -> Iterator[tuple[datetime, Row]]:
    """Sales, refunds and payments of the whole history, each with its moment."""
    for order in view.history.orders:
        yield from ((order.at, row) for row in order_rows(view, order))
    for refund in view.history.refunds:
        yield from ((refund.at, row) for row in refund_rows(view, refund))
    for one in view.reimbursements():
        if one.total_minor:
            yield one.approved_at, reimbursement_row(one)


def body(view: View, period: Period) -> Iterator[Row]:
    """All money of the period but what the one before it left over."""
    for order in view.history.orders:
        if period.start <= order.at < period.end:
            yield from order_rows(view, order)
    for refund in view.history.refunds:
        if period.start <= refund.at < period.end:
            yield from refund_rows(view, refund)
    for one in view.reimbursements():
        if period.start <= one.approved_at < period.end and one.total_minor:
            yield reimbursement_row(one)
    yield subscription_row(view, period)


def total_minor(rows: Iterable[Row]) -> int:
    """The sum of every amount of these rows."""
    cells = (row.get(name, 0) for row in rows for name in _AMOUNTS)
    return sum(cell for cell in cells if isinstance(cell, int))


def carried(view: View, period: Period) -> int:
    """What the period before it left the seller owing, in minor units."""
    before = Period("", period.start - timedelta(days=PERIOD_DAYS), period.start)
    return max(0, -total_minor(body(view, before)))


def group_id(period: Period) -> str:
    """The financial event group that is this settlement."""
    return hashlib.sha256(f"group/{period.settlement_id}".encode()).hexdigest()[:43]


def booked(view: View, period: Period) -> tuple[Row, list[Row]]:
    """The totals row, and all others: the period's money and the debt of the one before it."""
    rows = list(body(view, period))
    owed = carried(view, period)
    if owed > 0:
        charge: Row = {
            "transaction-type": CHARGED,
            "posted-date": period.start + timedelta(hours=1),
        }
        rows += [
            {
                "transaction-type": "Payable to Amazon",
                "posted-date": period.start,
                "other-amount": -owed,
            },
            {**charge, "other-amount": owed},
        ]
    return totals_row(view, period, total_minor(rows)), rows


def totals_row(view: View, period: Period, total: int) -> Row:
    """The first row: the period and its sum."""
    return {
        "settlement-start-date": period.start, "settlement-end-date": period.end,
        "deposit-date": period.end + timedelta(days=2), "total-amount": total,
        "currency": view.history.persona.store.currency,
    }  # fmt: skip


def columns_of(*, promoted: bool) -> list[str]:
    """The columns; those of promotions only where there is one."""
    return [name for name in COLUMNS if promoted or name not in _PROMOTION]


def dialect_for(view: View) -> Dialect:
    """Settlements are never quoted."""
    return replace(dialect_of(view.history.persona), quoted=False)


def settlement(view: View, period: Period) -> Iterator[str]:
    """The file: totals first, then every movement of money; never quoted."""
    dialect = dialect_for(view)
    first, rows = booked(view, period)
    columns = columns_of(promoted=any("promotion-amount" in row for row in rows))
    named: Iterator[Row] = (
        {**row, "settlement-id": period.settlement_id} for row in (first, *rows)
    )
    cells = (tuple(cell_of(dialect, row, name) for name in columns) for row in named)
    return dialect.table(columns, cells)


def cell_of(dialect: Dialect, row: Row, name: str) -> str:
    """A cell as the dialect writes it."""
    value = row.get(name, "")
    if isinstance(value, datetime):
        return dialect.stamp(value)
    if isinstance(value, str):
        return value
    # The real files pad the amount of a charge with four spaces.
    return dialect.money(value) + ("    " if row.get("transaction-type") == CHARGED else "")
