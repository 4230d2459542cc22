"""Fee preview and monthly storage fees."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from opside_sandbox.amazon.history.model import Measured, Product, Size
from opside_sandbox.amazon.personas import Marketplace
from opside_sandbox.amazon.reports.dialect import Dialect, dialect_of
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


def _preview(dialect: Dialect, product: Product, size: Size, currency: str) -> dict[str, str]:
    longest, median, shortest = (Decimal(side) for side in size.sides)
    fee, referral = dialect.money(size.fulfilment_minor), dialect.money(product.referral_minor)
    price, number = dialect.money(product.price_minor), dialect.number
    return {
        "sku": product.sku, "fnsku": product.fnsku, "asin": product.asin,
        "product-name": product.title, "product-group": "Home", "brand": "Plainware",
        "fulfilled-by": "Amazon", "your-price": price, "sales-price": price,
        "longest-side": number(size.sides[0]), "median-side": number(size.sides[1]),
        "shortest-side": number(size.sides[2]),
        "length-and-girth": number(str(longest + 2 * (median + shortest))),
        "unit-of-dimension": "inches", "item-package-weight": number(size.weight),
        "unit-of-weight": "pounds", "product-size-tier": size.tier,
        "product-size-weight-band": size.tier, "currency": currency,
        "estimated-fee-total": dialect.money(size.fulfilment_minor + product.referral_minor),
        "estimated-referral-fee-per-unit": referral,
        "estimated-variable-closing-fee": dialect.money(0),
        "expected-fulfillment-fee-per-unit": fee,
        "expected-domestic-fulfilment-fee-per-unit": fee, "has-local-inventory": "Yes",
        "expected-future-fulfillment-fee-per-unit": _MISSING,
    }  # fmt: skip


def fee_preview(view: View) -> Iterator[str]:
    """GET_FBA_ESTIMATED_FBA_FEES_TXT_DATA: fees before tax, a missing figure is `--`."""
    store, dialect = view.history.persona.store, dialect_of(view.history.persona)
    columns = _UK if dialect.european_fees else _US

    def cells(product: Product) -> tuple[str, ...]:
        size = view.history.previewed.get(product.index, product.size)
        known = {**_preview(dialect, product, size, store.currency), "amazon-store": store.name}
        return tuple(known.get(name, _MISSING) for name in columns)

    return dialect.table(columns, (cells(product) for product in view.history.products))


def storage_fees(view: View) -> Iterator[str]:
    """GET_FBA_STORAGE_FEE_CHARGES_DATA: one row a SKU and month of the period."""
    dialect = dialect_of(view.history.persona)
    return dialect.table(_STORAGE, _stored(dialect, view))


def _stored(dialect: Dialect, view: View) -> Iterator[tuple[str, ...]]:
    units: defaultdict[int, int] = defaultdict(int)
    ends: dict[tuple[str, int], int] = {}
    for event in view.ledger():
        units[event.product.index] += event.quantity
        if view.start <= event.at <= view.end:
            ends[event.at.strftime("%Y-%m"), event.product.index] = units[event.product.index]
    products = {one.index: one for one in view.history.products}
    store, measured = view.history.persona.store, view.history.measured
    for (month, index), on_hand in ends.items():
        product = products[index]
        yield _charge(dialect, store, product, _size_in(month, product, measured), month, on_hand)


def _size_in(month: str, product: Product, measured: list[Measured]) -> Size:
    """As Amazon measured the product in a month of which every day counts."""
    for one in measured:
        if (
            one.product.index == product.index
            and f"{one.first:%Y-%m}" <= month <= f"{one.last:%Y-%m}"
        ):
            return one.size
    return product.size


def _charge(
    dialect: Dialect, store: Marketplace, product: Product, size: Size, month: str, on_hand: int
) -> tuple[str, ...]:
    sides, number = [Decimal(side) for side in size.sides], dialect.number
    volume = (sides[0] * sides[1] * sides[2] / 1728).quantize(Decimal("0.0001"))
    fee = (volume * on_hand * _STORAGE_RATE).quantize(Decimal("0.0001"))
    return (
        product.asin, product.fnsku, product.title, store.centres[0], store.country,
        *map(number, size.sides), "inches", number(size.weight), "pounds",
        number(str(volume)), "cubic feet", size.tier, str(on_hand), "0",
        number(str(volume * on_hand)), month, number(str(_STORAGE_RATE)), store.currency,
        number(str(fee)), "--", "N", "N", number("0.0"), "--", "0",
    )  # fmt: skip
