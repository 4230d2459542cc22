"""Which unit costs go into the book: under the seller's own SKU, not far off the one before, and no two."""

from datetime import date, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from integrations_backend.cases.link_costs import InvoiceCosts
from integrations_backend.invoices.book import catalogue
from integrations_backend.invoices.weigh import FAR_OFF, Weighed, weigh

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


def rival(
    name: str, cost: int, *, source: str = "", currency: str = "usd", **others: int
) -> InvoiceCosts:
    """An invoice of one day."""
    return InvoiceCosts(
        name,
        source or f"invoice {name} of Acme",
        currency,
        date(2026, 1, 1),
        {"A": cost} | {sku.replace("_", "-"): one for sku, one in others.items()},
    )


def booked(found: Weighed) -> dict[str, tuple[str, int]]:
    """Who is in the book, by SKU."""
    entries: dict[str, tuple[str, int]] = {}
    for one in found.kept:
        for sku, cost in one.unit_costs.items():
            assert sku not in entries, "one cost a SKU and day"
            entries[sku] = (one.invoice_id, cost)
    return entries


def test_of_two_that_nobody_confirmed_neither_counts_and_each_names_the_other() -> None:
    found = weigh([(False, rival("i1", 250)), (False, rival("i2", 280, C=9))], {})
    assert booked(found) == {}
    assert [(one.invoice_id, reason.split(",")[0]) for one, reason in found.doubtful] == [
        ("i1", "invoice i2 of Acme"),
        ("i2", "invoice i1 of Acme"),
    ]
    assert all("tells another cost of A" in reason for _, reason in found.doubtful)


def test_a_persons_word_wins_over_a_machines() -> None:
    found = weigh([(False, rival("i1", 250)), (True, rival("i2", 280))], {})
    assert booked(found) == {"A": ("i2", 280)}
    assert [one.invoice_id for one, _ in found.doubtful] == ["i1"]


def test_who_agrees_with_the_confirmed_one_stays() -> None:
    told = [(True, rival("i1", 250)), (False, rival("i2", 250)), (False, rival("i3", 280))]
    found = weigh(told, {})
    assert booked(found) == {"A": ("i1", 250)}
    assert [one.invoice_id for one, _ in found.doubtful] == ["i3"]


def test_of_two_confirmed_the_lower_counts_and_names_the_other() -> None:
    found = weigh([(True, rival("i1", 280, C=9)), (True, rival("i2", 250))], {})
    assert booked(found) == {"A": ("i2", 250), "C": ("i1", 9)}
    (winner,) = [one for one in found.kept if one.invoice_id == "i2"]
    assert winner.beside == {"A": "invoice i1 of Acme, of the same day, tells a higher cost"}
    assert found.doubtful == []


def test_two_that_say_the_same_are_no_rivals() -> None:
    found = weigh([(False, rival("i2", 250)), (False, rival("i1", 250))], {})
    assert booked(found) == {"A": ("i1", 250)}
    assert (found.doubtful, found.kept[0].beside) == ([], {})


def test_another_paper_of_the_same_invoice_is_no_rival() -> None:
    same = "Invoice 7 of ACME"
    found = weigh(
        [(True, rival("i1", 280, source=same.lower())), (True, rival("i2", 250, source=same))], {}
    )
    assert booked(found) == {"A": ("i2", 250)}
    assert all(one.beside == {} for one in found.kept)
    found = weigh(
        [(False, rival("i1", 280, source=same.lower())), (True, rival("i2", 250, source=same))], {}
    )
    ((_, reason),) = found.doubtful
    assert reason.startswith("another paper of the same invoice")


def test_invoices_in_two_currencies_are_no_rivals() -> None:
    found = weigh([(False, rival("i1", 250)), (False, rival("i2", 280, currency="eur"))], {})
    assert [one.unit_costs for one in found.kept] == [{"A": 250}, {"A": 280}]


def test_a_price_that_is_far_off_speaks_against_no_other() -> None:
    """Else anybody could take a cost out of the book with a mail."""
    found = weigh([(False, rival("i1", 250)), (False, rival("i2", 9_000))], {("A", "usd"): 240})
    assert booked(found) == {"A": ("i1", 250)}
    assert [one.invoice_id for one, _ in found.doubtful] == ["i2"]


of_one_day = st.lists(
    st.tuples(
        st.booleans(), st.dictionaries(st.sampled_from("ABC"), st.integers(90, 110), max_size=3)
    ),
    max_size=6,
)


@given(of_one_day, st.randoms())
def test_the_book_is_the_same_in_whatever_order_invoices_came(told: list, random: Random) -> None:  # type: ignore[type-arg]
    invoices = [
        (confirmed, InvoiceCosts(f"i{n}", f"invoice {n}", "usd", date(2026, 1, 1), unit_costs))
        for n, (confirmed, unit_costs) in enumerate(told)
    ]
    found = weigh(invoices, {})
    mixed = list(invoices)
    random.shuffle(mixed)
    assert weigh(mixed, {}) == found
    entries = booked(found)
    doubtful = {one.invoice_id for one, _ in found.doubtful}
    assert doubtful | {one.invoice_id for one in found.kept} == {
        one.invoice_id for _, one in invoices
    }
    for sku in "ABC":
        confirmed = [
            one.unit_costs[sku] for sure, one in invoices if sure and sku in one.unit_costs
        ]
        unsure = {
            one.unit_costs[sku]
            for sure, one in invoices
            if not sure and sku in one.unit_costs and one.invoice_id not in doubtful
        }
        if confirmed:
            assert entries[sku][1] == min(confirmed), "a person's word, and the lower of two"
            assert unsure <= {min(confirmed)}
        else:
            assert len(unsure) <= 1, "of two that nobody confirmed neither"
            assert (sku in entries) == bool(unsure)
