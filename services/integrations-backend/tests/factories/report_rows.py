"""Report files written by hand: a row says only what matters, the rest are harmless defaults.

Rows become facts through the real reader, so their keys and types are those of production.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache

import polars as pl

from integrations_backend.detection.facts import Facts, UnitCost
from integrations_backend.detection.policy import current_policy
from integrations_backend.reports.kinds import (
    FEE_PREVIEW,
    INBOUND,
    INVENTORY,
    KINDS,
    LEDGER,
    LEDGER_SUMMARY,
    REIMBURSEMENTS,
    REMOVAL_ORDERS,
    REMOVAL_SHIPMENTS,
    REPLACEMENTS,
    RETURNS,
    SALES,
    SETTLEMENT,
    STORAGE_FEES,
)
from integrations_backend.reports.marketplaces import Marketplace, marketplace
from integrations_backend.reports.read import read_text

US = marketplace("ATVPDKIKX0DER")
GB = marketplace("A1F83G8C2ARO7P")
TODAY = date(2026, 11, 21)

Row = dict[str, str]

DEFAULTS: Mapping[str, Row] = {
    LEDGER: {
        "date": "10/01/2026",
        "fnsku": "X001",
        "asin": "B001",
        "msku": "SKU-1",
        "event-type": "Adjustments",
        "reference-id": "900001",
        "quantity": "-1",
        "fulfillment-center": "PHX6",
        "disposition": "SELLABLE",
        "reason": "M",
        "country": "US",
        "reconciled-quantity": "0",
        "unreconciled-quantity": "1",
    },
    REIMBURSEMENTS: {
        "approval-date": "2026-10-20T10:00:00+00:00",
        "reimbursement-id": "70001",
        "reason": "Lost_Warehouse",
        "sku": "SKU-1",
        "fnsku": "X001",
        "currency-unit": "USD",
        "amount-per-unit": "12.34",
        "amount-total": "12.34",
        "quantity-reimbursed-cash": "1",
        "quantity-reimbursed-inventory": "0",
        "quantity-reimbursed-total": "1",
    },
    RETURNS: {
        "return-date": "2026-09-01T10:00:00+00:00",
        "order-id": "112-1",
        "sku": "SKU-1",
        "fnsku": "X001",
        "fulfillment-center-id": "PHX6",
        "detailed-disposition": "SELLABLE",
        "quantity": "1",
        "reason": "UNWANTED_ITEM",
    },
    REPLACEMENTS: {
        "shipment-date": "2026-08-20T10:00:00+00:00",
        "sku": "SKU-1",
        "replacement-amazon-order-id": "112-9",
        "original-amazon-order-id": "112-1",
        "quantity": "1",
        "replacement-reason-code": "3",
    },
    SALES: {
        "shipment-date": "2026-08-01T10:00:00+00:00",
        "sku": "SKU-1",
        "fnsku": "X001",
        "amazon-order-id": "112-1",
        "currency": "USD",
        "quantity": "1",
        "item-price-per-unit": "20.00",
    },
    REMOVAL_ORDERS: {
        "request-date": "2026-09-01T10:00:00+00:00",
        "order-id": "RM-1",
        "order-type": "Return",
        "sku": "SKU-1",
        "fnsku": "X001",
        "disposition": "Sellable",
        "order-status": "Completed",
        "requested-quantity": "5",
        "cancelled-quantity": "0",
        "disposed-quantity": "0",
        "shipped-quantity": "5",
        "in-process-quantity": "0",
    },
    REMOVAL_SHIPMENTS: {
        "request-date": "2026-09-01T10:00:00+00:00",
        "order-id": "RM-1",
        "sku": "SKU-1",
        "fnsku": "X001",
        "disposition": "Sellable",
        "shipment-date": "2026-10-01T10:00:00+00:00",
        "shipped-quantity": "3",
        "carrier": "UPS",
        "tracking-number": "1Z1",
    },
    INVENTORY: {
        "sku": "SKU-1",
        "fnsku": "X001",
        "asin": "B001",
        "condition": "New",
        "your-price": "20.00",
        "afn-fulfillable-quantity": "7",
        "afn-unsellable-quantity": "1",
        "afn-reserved-quantity": "2",
        "afn-total-quantity": "10",
    },
    INBOUND: {
        "issue-reported-date": "2026-08-10T10:00:00+00:00",
        "fba-shipment-id": "FBA1",
        "sku": "SKU-1",
        "fnsku": "X001",
        "problem-type": "Quantity discrepancy",
        "expected-quantity": "10",
        "received-quantity": "7",
    },
    LEDGER_SUMMARY: {
        "date": "10/2026",
        "fnsku": "X001",
        "sku": "SKU-1",
        "disposition": "SELLABLE",
        "location": "US",
        "starting-warehouse-balance": "0",
        "ending-warehouse-balance": "0",
    },
    FEE_PREVIEW: {
        "sku": "SKU-1",
        "fnsku": "X001",
        "longest-side": "9.2",
        "median-side": "5.1",
        "shortest-side": "0.7",
        "unit-of-dimension": "inches",
        "item-package-weight": "0.62",
        "unit-of-weight": "pounds",
        "product-size-tier": "Small standard-size",
        "currency": "USD",
        "expected-fulfillment-fee-per-unit": "3.06",
    },
    STORAGE_FEES: {
        "fnsku": "X001",
        "fulfillment_center": "PHX6",
        "month_of_charge": "2026-09",
        "longest_side": "9.2",
        "median_side": "5.1",
        "shortest_side": "0.7",
        "measurement_units": "inches",
        "weight": "0.62",
        "weight_units": "pounds",
        "product_size_tier": "Small standard-size",
    },
    SETTLEMENT: {
        "settlement-id": "5001",
        "transaction-type": "Order",
        "order-id": "112-1",
        "posted-date": "2026-08-01T10:00:00+00:00",
        "sku": "SKU-1",
    },
}


def row(report_type: str, **changes: object) -> Row:
    """A row of a report; underscores in the names stand for hyphens, where the report has those."""
    hyphened = report_type != STORAGE_FEES
    named = {
        name.replace("_", "-") if hyphened else name: str(value) for name, value in changes.items()
    }
    return {**DEFAULTS[report_type], **named}


def file_text(report_type: str, rows: Sequence[Row]) -> str:
    """The file as Amazon's API writes it: tab separated, one header line."""
    names = [column.name for column in KINDS[report_type].columns]
    lines = ["\t".join(one.get(name, "") for name in names) for one in rows]
    return "\n".join(["\t".join(names), *lines]) + "\n"


def frame(report_type: str, rows: Sequence[Row], *, store: Marketplace = US) -> pl.DataFrame:
    """The typed rows; a row that cannot be read is a mistake of the test."""
    return _read(report_type, file_text(report_type, rows), store)


@lru_cache(maxsize=500)
def _read(report_type: str, text: str, store: Marketplace) -> pl.DataFrame:
    """Once a text: histories share many of their reports."""
    parsed = read_text(text, KINDS[report_type], store=store)
    assert parsed.rejected == (), parsed.rejected
    return parsed.frame


def facts(
    rows: Mapping[str, Sequence[Row]],
    *,
    store: Marketplace = US,
    as_of: date = TODAY,
    costs: Mapping[str, tuple[UnitCost, ...]] | None = None,
) -> Facts:
    """Facts of these reports; a type that is not named was never read."""
    frames = {kind: frame(kind, found, store=store) for kind, found in rows.items()}
    return Facts(rows=frames, store=store, policy=current_policy(), as_of=as_of, costs=costs or {})


def refund(order_id: str = "112-1", **changes: object) -> Row:
    """The principal row of a refund in a settlement."""
    values = {
        "transaction_type": "Refund",
        "order_id": order_id,
        "adjustment_id": f"adj-{order_id}",
        "posted_date": "2026-08-20T10:00:00+00:00",
        "price_type": "Principal",
        "price_amount": "-20.00",
    }
    return row(SETTLEMENT, **(values | changes))


def sale(order_id: str = "112-1", **changes: object) -> list[Row]:
    """The three rows of one sold unit: principal 20.00, referral fee 3.00, fulfilment fee 4.50."""
    principal = {"price_type": "Principal", "price_amount": "20.00", "quantity_purchased": "1"}
    amounts = [
        principal,
        {"item_related_fee_type": "Commission", "item_related_fee_amount": "-3.00"},
        {"item_related_fee_type": "FBAPerUnitFulfillmentFee", "item_related_fee_amount": "-4.50"},
    ]
    return [row(SETTLEMENT, **({"order_id": order_id} | cells | changes)) for cells in amounts]
