"""What a lost return is worth: fees count before tax, but only where the seller's rows show the tax."""

import pytest
from factories.report_rows import GB, US, Row, facts, row
from hypothesis import given
from hypothesis import strategies as st

from integrations_backend.detection.policy import current_policy
from integrations_backend.detection.sale_values import before_tax, sale_values
from integrations_backend.reports.kinds import SETTLEMENT
from integrations_backend.reports.marketplaces import Marketplace, marketplace

CA = marketplace("A2EUQ1WTGCTBG2")
REAL = (6_000, 900, 771)
"""Price, referral and fulfilment fee before tax of the two real payments of 43.29 (facts section 6)."""


def taxed(fee: int, tax_bp: int) -> int:
    return (2 * fee * (10_000 + tax_bp) + 10_000) // 20_000


def money(minor: int) -> str:
    return f"{minor / 100:.2f}"


def sold(
    number: int, price: int, referral: int, fulfilment: int, *, tax_bp: int = 0, units: int = 1
) -> list[Row]:
    """The rows of one order; fees are given before tax and for all its units."""
    named = {"order_id": f"202-{number}", "sku": "SKU-1"}
    amounts: list[dict[str, object]] = [
        {"price_type": "Principal", "price_amount": money(price), "quantity_purchased": units}
    ]
    fees = (("Commission", referral), ("FBAPerUnitFulfillmentFee", fulfilment))
    for name, fee in fees:
        amount = money(-taxed(fee, tax_bp))
        amounts.append({"item_related_fee_type": name, "item_related_fee_amount": amount})
    return [row(SETTLEMENT, **(named | cells)) for cells in amounts]


def values(rows: list[Row], store: Marketplace) -> list[int]:
    found = sale_values(facts({SETTLEMENT: rows}, store=store)).by_order
    return [found[key] for key in sorted(found)]


def test_tax_that_british_fee_rows_hold_is_taken_out() -> None:
    rows = sold(1, *REAL, tax_bp=2_000)
    assert values(rows, GB) == [4_329]
    assert "20 % tax" in sale_values(facts({SETTLEMENT: rows}, store=GB)).arithmetic


def test_fees_without_tax_stay_as_booked_in_britain_too() -> None:
    rows = sold(1, *REAL)
    assert values(rows, GB) == [4_329]
    assert sale_values(facts({SETTLEMENT: rows}, store=GB)).arithmetic.endswith("as booked")


@pytest.mark.parametrize("store", [US, CA])
def test_where_no_one_rate_holds_nothing_is_invented(store: Marketplace) -> None:
    rows = sold(1, *REAL, tax_bp=700)
    assert values(rows, store) == [6_000 - 963 - 825]


def test_a_fee_that_could_be_either_stays_as_booked() -> None:
    """10 % with tax is 12 %, which is a referral fee without tax as well."""
    rows = sold(1, 5_000, 500, 300, tax_bp=2_000)
    assert values(rows, GB) == [5_000 - 600 - 360]


def test_one_minimum_fee_of_ten_does_not_hide_the_tax() -> None:
    rows = [one for n in range(9) for one in sold(n, *REAL, tax_bp=2_000)]
    rows += sold(9, 100, 25, 50, tax_bp=2_000)
    assert values(rows, GB) == [4_329] * 9 + [100 - 25 - 50]


def test_two_strange_fees_of_ten_do() -> None:
    rows = [one for n in range(8) for one in sold(n, *REAL, tax_bp=2_000)]
    rows += [one for n in (8, 9) for one in sold(n, 6_000, 1_111, 771, tax_bp=2_000)]
    assert values(rows, GB)[0] == 6_000 - 1_080 - 925


def test_units_of_one_order_share_its_value() -> None:
    rows = sold(1, *REAL, tax_bp=2_000)
    rows += sold(2, 12_000, 1_800, 1_542, tax_bp=2_000, units=2)
    assert values(rows, GB) == [4_329, 4_329]


def test_fees_above_the_price_leave_nothing() -> None:
    assert values(sold(1, 300, 45, 322), US) == [0]


RATES = {
    marketplace(one): tax
    for one, tax in {
        "A1F83G8C2ARO7P": 2_000,
        "A1PA6795UKMFR9": 1_900,
        "APJ6JRA9NG5V4": 2_200,
    }.items()
}
SALES = st.lists(
    st.tuples(
        st.integers(1_000, 50_000),
        st.sampled_from(current_policy().referral_percents),
        st.integers(100, 2_000),
    ),
    min_size=1,
    max_size=6,
)


@given(SALES, st.sampled_from(list(RATES)), st.booleans())
def test_the_value_is_never_high_and_exact_where_fees_hold_no_tax(
    sales: list[tuple[int, int, int]], store: Marketplace, with_tax: bool
) -> None:
    rows, worth = [], []
    for number, (price, percent, fulfilment) in enumerate(sales):
        referral = (2 * price * percent + 100) // 200
        tax_bp = RATES[store] if with_tax else 0
        rows += [
            one | {name: one.get(name, "").replace(".", ",") for name in one if "amount" in name}
            if store.decimal_comma
            else one
            for one in sold(number, price, referral, fulfilment, tax_bp=tax_bp)
        ]
        worth.append(max(0, price - referral - fulfilment))
    found = values(rows, store)
    assert all(ours <= true for ours, true in zip(found, worth, strict=True))
    if not with_tax or all(percent in {8, 15} for _, percent, _ in sales):
        assert found == worth


@given(st.integers(0, 10**9), st.integers(1, 3_000))
def test_the_fee_before_tax_is_found_again(fee: int, tax_bp: int) -> None:
    assert before_tax(taxed(fee, tax_bp), tax_bp) == fee
