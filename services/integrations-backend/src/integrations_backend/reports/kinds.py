"""The reports we read: their columns by name, and how far back each is asked for.

Column names are facts of Amazon's documentation. Personal columns (buyer comments, ship-to places) are
not named here, so they are dropped at the door.
"""

from dataclasses import dataclass
from enum import StrEnum

LEDGER = "GET_LEDGER_DETAIL_VIEW_DATA"
LEDGER_SUMMARY = "GET_LEDGER_SUMMARY_VIEW_DATA"
REIMBURSEMENTS = "GET_FBA_REIMBURSEMENTS_DATA"
RETURNS = "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA"
REPLACEMENTS = "GET_FBA_FULFILLMENT_CUSTOMER_SHIPMENT_REPLACEMENT_DATA"
SALES = "GET_FBA_FULFILLMENT_CUSTOMER_SHIPMENT_SALES_DATA"
REMOVAL_ORDERS = "GET_FBA_FULFILLMENT_REMOVAL_ORDER_DETAIL_DATA"
REMOVAL_SHIPMENTS = "GET_FBA_FULFILLMENT_REMOVAL_SHIPMENT_DETAIL_DATA"
SETTLEMENT = "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE"
INVENTORY = "GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA"
INBOUND = "GET_FBA_FULFILLMENT_INBOUND_NONCOMPLIANCE_DATA"
FEE_PREVIEW = "GET_FBA_ESTIMATED_FBA_FEES_TXT_DATA"
STORAGE_FEES = "GET_FBA_STORAGE_FEE_CHARGES_DATA"

REQUESTED_REPORTS = (
    LEDGER,
    LEDGER_SUMMARY,
    REIMBURSEMENTS,
    RETURNS,
    REPLACEMENTS,
    SALES,
    REMOVAL_ORDERS,
    REMOVAL_SHIPMENTS,
    INVENTORY,
    INBOUND,
    FEE_PREVIEW,
    STORAGE_FEES,
)
"""Asked for by createReport."""
LISTED_REPORTS = (SETTLEMENT,)
"""Cannot be asked for; they appear by themselves and are found by getReports."""

ENDED_REPORTS = frozenset({LEDGER, LEDGER_SUMMARY})
"""Amazon refuses them without an end; the others end at its own now (facts section 3)."""
MONTHLY_REPORTS = frozenset({LEDGER_SUMMARY})
"""Asked for from the first of a month: a part of one would take the place of the whole."""
REPORT_OPTIONS = {
    LEDGER_SUMMARY: {"aggregateByLocation": "FC", "aggregatedByTimePeriod": "MONTHLY"}
}
"""What Amazon must be told beside the period; the names are spelled as differently as this."""

LEDGER_HISTORY_DAYS = 540
"""The ledger reaches 18 months back (facts section 3)."""
OTHER_HISTORY_DAYS = 540


def window_days(report_type: str) -> int:
    """How many days back a first sync asks."""
    return LEDGER_HISTORY_DAYS if report_type in ENDED_REPORTS else OTHER_HISTORY_DAYS


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    COUNT = "count"
    MONEY = "money"
    MOMENT = "moment"
    DAY = "day"
    REFERENCE = "reference"
    """A number or name that Amazon gave; other services keep it too."""
    CURRENCY = "currency"


@dataclass(frozen=True, slots=True)
class Column:
    """A column we use.

    Without a `required` one a file is refused, and a row that has nothing in it (unless it is a text,
    or `blank` allows it) is kept aside. `identity` columns make the row's key; the others may change
    in later files.
    """

    name: str
    kind: Kind = Kind.TEXT
    required: bool = False
    blank: bool = False
    identity: bool = True

    @property
    def folded(self) -> str:
        """The name as headers are compared."""
        return fold(self.name)


@dataclass(frozen=True, slots=True)
class ReportKind:
    """A report type's columns; `currency` names the column that holds each row's currency.

    A cell with more than `largest_minor` units of money is not believed.
    """

    report_type: str
    columns: tuple[Column, ...]
    currency: str | None = None
    largest_minor: int = 9_999_999_999
    """What the services may tell each other of one payment (`opside_chassis.wire.MinorUnits`)."""

    @property
    def required(self) -> frozenset[str]:
        """Folded names without which a file is not of this type."""
        return frozenset(column.folded for column in self.columns if column.required)


def fold(header: str) -> str:
    """Header names differ in case, spaces, hyphens and underscores between variants.

    The seller's own SKU has several names: which one a report uses differs between accounts. European
    fee previews have names of their own.
    """
    kept = "".join(char for char in header.lower() if char not in " -_\"'\ufeff/()")
    return _SYNONYMS.get(kept, kept)


_SYNONYMS = {
    **dict.fromkeys(("msku", "merchantsku", "sellersku"), "sku"),
    "expecteddomesticfulfilmentfeeperunit": "expectedfulfillmentfeeperunit",
    "productsizeweightband": "productsizetier",
}


def _text(*names: str, required: bool = True) -> tuple[Column, ...]:
    return tuple(Column(name, required=required) for name in names)


_KINDS = (
    ReportKind(
        LEDGER,
        (
            Column("date", Kind.DAY, required=True),
            *_text("fnsku", "asin", "msku", "event-type", "reference-id"),
            Column("quantity", Kind.COUNT, required=True),
            *_text("fulfillment-center", "disposition", "reason"),
            Column("country"),
            Column("reconciled-quantity", Kind.COUNT, identity=False),
            Column("unreconciled-quantity", Kind.COUNT, required=True, identity=False),
            Column("date-and-time", Kind.MOMENT),
        ),
    ),
    ReportKind(
        REIMBURSEMENTS,
        (
            Column("approval-date", Kind.MOMENT, required=True),
            Column("reimbursement-id", Kind.REFERENCE, required=True),
            Column("case-id", Kind.REFERENCE, required=True, blank=True),
            *_text("amazon-order-id", "reason", "sku", "fnsku"),
            Column("currency-unit", Kind.CURRENCY, required=True),
            Column("amount-per-unit", Kind.MONEY, required=True),
            Column("amount-total", Kind.MONEY, required=True),
            Column("quantity-reimbursed-cash", Kind.COUNT, required=True),
            # Without these, units given back in stock and payments taken back would be overlooked.
            Column("quantity-reimbursed-inventory", Kind.COUNT, required=True, blank=True),
            Column("quantity-reimbursed-total", Kind.COUNT),
            Column("original-reimbursement-id", Kind.REFERENCE, required=True, blank=True),
            Column("original-reimbursement-type"),
        ),
        currency="currency-unit",
    ),
    ReportKind(
        RETURNS,
        (
            Column("return-date", Kind.MOMENT, required=True),
            *_text("order-id", "sku", "fnsku", "fulfillment-center-id", "detailed-disposition"),
            Column("quantity", Kind.COUNT, required=True),
            Column("reason", required=True),
            Column("status", identity=False),
            Column("license-plate-number"),
        ),
    ),
    ReportKind(
        REPLACEMENTS,
        (
            Column("shipment-date", Kind.MOMENT, required=True),
            *_text("sku", "replacement-amazon-order-id", "original-amazon-order-id"),
            Column("quantity", Kind.COUNT, required=True),
            Column("replacement-reason-code"),
        ),
    ),
    ReportKind(
        SALES,
        (
            Column("shipment-date", Kind.MOMENT, required=True),
            *_text("sku", "fnsku", "amazon-order-id", "currency"),
            Column("quantity", Kind.COUNT, required=True),
            Column("item-price-per-unit", Kind.MONEY, required=True),
        ),
        currency="currency",
    ),
    ReportKind(
        REMOVAL_ORDERS,
        (
            Column("request-date", Kind.MOMENT, required=True),
            *_text("order-id", "order-type", "sku", "fnsku", "disposition"),
            Column("order-status", identity=False),
            Column("last-updated-date", Kind.MOMENT, identity=False),
            Column("requested-quantity", Kind.COUNT, required=True),
            Column("cancelled-quantity", Kind.COUNT, identity=False),
            Column("disposed-quantity", Kind.COUNT, identity=False),
            Column("shipped-quantity", Kind.COUNT, required=True, identity=False),
            Column("in-process-quantity", Kind.COUNT, required=True, identity=False),
        ),
    ),
    ReportKind(
        REMOVAL_SHIPMENTS,
        (
            Column("request-date", Kind.MOMENT, required=True),
            *_text("order-id", "sku", "fnsku", "disposition"),
            Column("shipment-date", Kind.MOMENT, required=True),
            Column("shipped-quantity", Kind.COUNT, required=True),
            *_text("carrier", "tracking-number"),
        ),
    ),
    ReportKind(
        SETTLEMENT,
        # Its first row holds totals only, its others no total: cells may be empty in either.
        (
            *_text("settlement-id", "transaction-type"),
            Column("settlement-start-date", Kind.MOMENT),
            Column("settlement-end-date", Kind.MOMENT),
            Column("total-amount", Kind.MONEY, required=True, blank=True),
            Column("currency"),
            *_text("order-id", "adjustment-id"),
            Column("shipment-id"),
            Column("posted-date", Kind.MOMENT, required=True, blank=True),
            Column("order-item-code"),
            Column("sku", required=True),
            Column("quantity-purchased", Kind.COUNT),
            Column("shipment-fee-type"),
            Column("shipment-fee-amount", Kind.MONEY),
            Column("order-fee-type"),
            Column("order-fee-amount", Kind.MONEY),
            Column("price-type", required=True),
            Column("price-amount", Kind.MONEY, required=True, blank=True),
            Column("item-related-fee-type"),
            Column("item-related-fee-amount", Kind.MONEY),
            Column("misc-fee-amount", Kind.MONEY),
            Column("other-fee-amount", Kind.MONEY),
            Column("other-fee-reason-description"),
            Column("promotion-id"),
            Column("promotion-type"),
            Column("promotion-amount", Kind.MONEY),
            Column("direct-payment-type"),
            Column("direct-payment-amount", Kind.MONEY),
            Column("other-amount", Kind.MONEY),
        ),
        largest_minor=10**15,  # its totals are of weeks
    ),
    ReportKind(
        INVENTORY,
        (
            *_text("sku", "fnsku", "asin"),
            Column("condition", identity=False),
            Column("your-price", Kind.MONEY, identity=False),
            Column("afn-fulfillable-quantity", Kind.COUNT, required=True, identity=False),
            Column("afn-unsellable-quantity", Kind.COUNT, identity=False),
            Column("afn-reserved-quantity", Kind.COUNT, identity=False),
            Column("afn-total-quantity", Kind.COUNT, required=True, identity=False),
        ),
    ),
    ReportKind(
        INBOUND,
        # A problem that is written again later, with more units received, is the same row.
        (
            Column("issue-reported-date", Kind.MOMENT, required=True, identity=False),
            *_text("fba-shipment-id", "sku", "fnsku", "problem-type"),
            Column("fba-carton-id"),
            Column("fulfillment-center-id", identity=False),
            Column("expected-quantity", Kind.COUNT, required=True, blank=True, identity=False),
            Column("received-quantity", Kind.COUNT, required=True, blank=True, identity=False),
        ),
    ),
    ReportKind(
        LEDGER_SUMMARY,
        (
            *_text("date", "fnsku", "sku", "disposition", "location"),
            Column("starting-warehouse-balance", Kind.COUNT, required=True, identity=False),
            *(
                Column(name, Kind.COUNT, required=True, blank=True, identity=False)
                for name in (
                    *("receipts", "customer-shipments", "customer-returns", "vendor-returns"),
                    *("warehouse-transfer-in-out", "found", "lost", "damaged", "disposed"),
                    "other-events",
                )
            ),
            Column("ending-warehouse-balance", Kind.COUNT, required=True, identity=False),
            Column("unknown-events", Kind.COUNT, identity=False),
        ),
    ),
    ReportKind(
        FEE_PREVIEW,
        # What it does not know it writes as two hyphens: sizes and fees are read as text.
        (
            *_text("sku", "fnsku", "asin"),
            *(
                Column(name, required=True, identity=False)
                for name in (
                    *("longest-side", "median-side", "shortest-side", "unit-of-dimension"),
                    *("item-package-weight", "unit-of-weight", "product-size-tier", "currency"),
                    "expected-fulfillment-fee-per-unit",
                )
            ),
        ),
    ),
    ReportKind(
        STORAGE_FEES,
        (
            *_text("fnsku", "asin", "fulfillment_center", "month_of_charge"),
            *(
                Column(name, required=True, identity=False)
                for name in (
                    *("longest_side", "median_side", "shortest_side", "measurement_units"),
                    *("weight", "weight_units", "product_size_tier"),
                )
            ),
        ),
    ),
)
KINDS = {kind.report_type: kind for kind in _KINDS}
_PERSONAL = (
    *("buyer", "customercomment", "recipient", "shipaddress", "shipcity"),
    *("shipcountry", "shipphone", "shippostal", "shipstate"),
)


def is_personal(header: str) -> bool:
    """Whether a column tells of a buyer: a file with one is not kept, only its other columns."""
    return fold(header).startswith(_PERSONAL)


def sniff(header: list[str]) -> ReportKind | None:
    """The report type of a header line; the one that explains most columns wins, None if none does."""
    present = {fold(name) for name in header}
    fitting = [kind for kind in _KINDS if kind.required <= present]
    return max(fitting, key=lambda kind: len(kind.required), default=None)
