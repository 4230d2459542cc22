"""Which report types exist, and how each is written."""

from collections.abc import Callable, Iterator

from opside_sandbox.amazon.reports import (
    fees,
    inbound,
    ledger,
    ledger_summary,
    payments,
    removals,
    sales,
    stock,
)
from opside_sandbox.amazon.view import View

Writer = Callable[[View], Iterator[str]]

SETTLEMENT = "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE"
UNREQUESTABLE = {SETTLEMENT, f"{SETTLEMENT}_V2"}
LEDGER_DETAIL = "GET_LEDGER_DETAIL_VIEW_DATA"
LEDGER_SUMMARY = "GET_LEDGER_SUMMARY_VIEW_DATA"
SNAPSHOTS = {
    "GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA", "GET_RESERVED_INVENTORY_DATA",
    "GET_FBA_ESTIMATED_FBA_FEES_TXT_DATA",
}  # fmt: skip
"""Reports without a period."""

WRITERS: dict[str, Writer] = {
    LEDGER_DETAIL: ledger.ledger_detail,
    LEDGER_SUMMARY: ledger_summary.ledger_summary,
    "GET_FBA_REIMBURSEMENTS_DATA": payments.reimbursements,
    "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA": sales.customer_returns,
    "GET_FBA_FULFILLMENT_CUSTOMER_SHIPMENT_SALES_DATA": sales.shipment_sales,
    "GET_FBA_FULFILLMENT_CUSTOMER_SHIPMENT_REPLACEMENT_DATA": sales.replacements,
    "GET_FBA_ESTIMATED_FBA_FEES_TXT_DATA": fees.fee_preview,
    "GET_FBA_STORAGE_FEE_CHARGES_DATA": fees.storage_fees,
    "GET_FBA_FULFILLMENT_REMOVAL_ORDER_DETAIL_DATA": removals.removal_orders,
    "GET_FBA_FULFILLMENT_REMOVAL_SHIPMENT_DETAIL_DATA": removals.removal_shipments,
    "GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA": stock.unsuppressed_inventory,
    "GET_RESERVED_INVENTORY_DATA": stock.reserved_inventory,
    "GET_FBA_FULFILLMENT_INBOUND_NONCOMPLIANCE_DATA": inbound.noncompliance,
}
