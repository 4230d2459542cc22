"""Which unit costs go into the book: under the seller's own SKU, and not far off the one before."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from integrations_backend.cases.link_costs import InvoiceCosts
from integrations_backend.invoices.book import FAR_OFF, catalogue, weigh

GOODS = catalogue([("A", "X1", "B1"), ("A-2", "X2", "B1"), ("C", "X3", "B3"), ("D", "", "")])


def line(sku: str = "", fnsku: str = "", asin: str = "") -> dict[str, str]:
    return {"sku": sku, "fnsku": fnsku, "asin": asin}


def test_a_line_means_the_goods_that_all_its_codes_agree_on() -> None:
    assert GOODS.skus_of(line(sku="A")) == {"A"}
    assert GOODS.skus_of(line(fnsku="X2")) == {"A-2"}
    assert GOODS.skus_of(line(asin="B1")) == {"A", "A-2"}, "one article, sold under two SKUs"
    assert GOODS.skus_of(line(asin="B1", fnsku="X1")) == {"A"}
    assert GOODS.skus_of(line(sku="4711-supplier", fnsku="X3")) == {"C"}
    assert GOODS.skus_of(line(sku="A", asin="B3")) == frozenset(), "they contradict each other"
    assert GOODS.skus_of(line(sku="unknown")) == frozenset()
    assert GOODS.skus_of(line()) == frozenset()


def costs(day: int, cost: int, name: str = "inv") -> InvoiceCosts:
    return InvoiceCosts(name, "d", "usd", date(2026, 1, 1) + timedelta(days=day), {"A": cost})


prices = st.lists(st.tuples(st.booleans(), st.integers(1, 10_000)), max_size=10)


@given(prices, st.none() | st.integers(1, 10_000))
def test_no_unconfirmed_cost_in_the_book_is_far_off_the_one_before(
    told: list[tuple[bool, int]], entered: int | None
) -> None:
    invoices = [
        (confirmed, costs(day, cost, f"inv_{day}")) for day, (confirmed, cost) in enumerate(told)
    ]
    known = {} if entered is None else {("A", "usd"): entered}
    found = weigh(reversed(invoices), known)
    booked = {one.invoice_id for one in found.kept}
    assert booked | {one.invoice_id for one, _ in found.doubtful} == {
        one.invoice_id for _, one in invoices
    }
    before = entered
    for confirmed, one in invoices:
        cost = one.unit_costs["A"]
        if confirmed:
            assert one.invoice_id in booked
        if one.invoice_id in booked:
            near = before is None or before <= cost * FAR_OFF <= before * FAR_OFF**2
            assert confirmed or near
            before = cost
