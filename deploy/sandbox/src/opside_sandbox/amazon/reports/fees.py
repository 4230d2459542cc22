"""Fee preview and monthly storage fees."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from opside_sandbox.amazon.history.model import Product
from opside_sandbox.amazon.reports.dialect import dialect_of, money
from opside_sandbox.amazon.view import View

_US = (
    "sku", "fnsku", "asin", "amazon-store", "product-name", "product-group", "brand",
    "fulfilled-by", "your-price", "sales-price", "longest-side", "median-side", "shortest-side",
    "length-and-girth", "unit-of-dimension", "item-package-weight", "unit-of-weight",
    "product-size-tier", "currency", "estimated-fee-total", "estimated-referral-fee-per-unit",
    "estimated-variable-closing-fee", "estimated-order-handling-fee-per-order",
    "estimated-pick-pack-fee-per-unit", "estimated-weight-handling-fee-per-unit",
    "expected-fulfillment-fee-per-unit",
    "estimated-future-fee (Current Selling on Amazon + Future Fulfillment fees)",
    "estimated-future-order-handling-fee-per-order",
    "estimated-future-pick-pack-fee-per-unit", "estimated-future-weight-handling-fee-per-unit",
    "expected-future-fulfillment-fee-per-unit",
)  # fmt: skip
_UK = (
    "sku", "fnsku", "asin", "product-name", "product-group", "brand", "fulfilled-by",
    "has-local-inventory", "your-price", "sales-price", "longest-side", "median-side",
    "shortest-side", "length-and-girth", "unit-of-dimension", "item-package-weight",
    "unit-of-weight", "product-size-weight-band", "currency", "estimated-fee-total",
    "estimated-referral-fee-per-unit", "estimated-variable-closing-fee",
    "expected-domestic-fulfilment-fee-per-unit", "expected-efn-fulfilment-fee-per-unit-uk",
    "expected-efn-fulfilment-fee-per-unit-de", "expected-efn-fulfilment-fee-per-unit-fr",
    "expected-efn-fulfilment-fee-per-unit-it", "expected-efn-fulfilment-fee-per-unit-es",
    "expected-efn-fulfilment-fee-per-unit-se",
)  # fmt: skip
_STORAGE = (
    "asin", "fnsku", "product_name", "fulfillment_center", "country_code", "longest_side",
    "median_side", "shortest_side", "measurement_units", "weight", "weight_units",
    "item_volume", "volume_units", "product_size_tier", "average_quantity_on_hand",
    "average_quantity_pending_removal", "estimated_total_item_volume", "month_of_charge",
    "storage_rate", "currency", "estimated_monthly_storage_fee",
    "dangerous_goods_storage_type", "eligible_for_inventory_discount",
    "qualifies_for_inventory_discount", "total_incentive_fee_amount",
    "breakdown_incentive_fee_amount", "average_quantity_customer_orders",
)  # fmt: skip
_STORAGE_RATE = Decimal("0.78")
_MISSING = "--"


def _preview(product: Product, currency: str) -> dict[str, str]:
    longest, median, shortest = (Decimal(side) for side in product.sides)
    fee, referral = money(product.fulfilment_minor), money(product.referral_minor)
    return {
        "sku": product.sku, "fnsku": product.fnsku, "asin": product.asin,
        "product-name": product.title, "product-group": "Home", "brand": "Plainware",
        "fulfilled-by": "Amazon", "your-price": money(product.price_minor),
        "sales-price": money(product.price_minor), "longest-side": product.sides[0],
        "median-side": product.sides[1], "shortest-side": product.sides[2],
        "length-and-girth": str(longest + 2 * (median + shortest)),
        "unit-of-dimension": "inches", "item-package-weight": product.weight,
        "unit-of-weight": "pounds", "product-size-tier": product.size_tier,
        "product-size-weight-band": product.size_tier, "currency": currency,
        "estimated-fee-total": money(product.fulfilment_minor + product.referral_minor),
        "estimated-referral-fee-per-unit": referral, "estimated-variable-closing-fee": "0.00",
        "expected-fulfillment-fee-per-unit": fee,
        "expected-domestic-fulfilment-fee-per-unit": fee, "has-local-inventory": "Yes",
        "expected-future-fulfillment-fee-per-unit": _MISSING,
    }  # fmt: skip


def fee_preview(view: View) -> Iterator[str]:
    """GET_FBA_ESTIMATED_FBA_FEES_TXT_DATA: fees before tax, a missing figure is `--`."""
    store = view.history.persona.store
    dialect = dialect_of(store)
    columns = _UK if store.country == "GB" else _US
    yield dialect.line(columns)
    for product in view.history.products:
        known = {**_preview(product, store.currency), "amazon-store": store.name}
        yield dialect.line(known.get(name, _MISSING) for name in columns)


def storage_fees(view: View) -> Iterator[str]:
    """GET_FBA_STORAGE_FEE_CHARGES_DATA: one row a SKU and month of the period."""
    store = view.history.persona.store
    dialect = dialect_of(store)
    units: defaultdict[int, int] = defaultdict(int)
    ends: dict[tuple[str, int], int] = {}
    for event in view.history.ledger:
        units[event.product.index] += event.quantity
        if view.start <= event.at <= view.end:
            ends[event.at.strftime("%Y-%m"), event.product.index] = units[event.product.index]
    yield dialect.line(_STORAGE)
    for (month, index), on_hand in ends.items():
        product = view.history.products[index]
        sides = [Decimal(side) for side in product.sides]
        volume = (sides[0] * sides[1] * sides[2] / 1728).quantize(Decimal("0.0001"))
        fee = (volume * on_hand * _STORAGE_RATE).quantize(Decimal("0.0001"))
        yield dialect.line(
            (
                product.asin,
                product.fnsku,
                product.title,
                store.centres[0],
                store.country,
                *product.sides,
                "inches",
                product.weight,
                "pounds",
                str(volume),
                "cubic feet",
                product.size_tier,
                str(on_hand),
                "0",
                str(volume * on_hand),
                month,
                str(_STORAGE_RATE),
                store.currency,
                str(fee),
                "--",
                "N",
                "N",
                "0.0",
                "--",
                "0",
            )
        )
