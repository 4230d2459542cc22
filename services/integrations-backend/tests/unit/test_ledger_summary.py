"""The ledger's summary beside its rows: where a month does not add up, and what was there before."""

from collections import defaultdict

import pytest
from factories.report_rows import Row, frame, row
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations_backend.reports.kinds import LEDGER, LEDGER_SUMMARY
from integrations_backend.unit_ledger.summary import Balance, read_balances


def moved(units: int, day: str, centre: str = "PHX6", **changes: object) -> Row:
    values = {"event_type": "Receipts", "reason": "", "fulfillment_center": centre}
    return row(LEDGER, quantity=units, date=day, **(values | changes))


def month(name: str, start: int, units: int, centre: str = "PHX6", **changes: object) -> Row:
    balances = {"starting_warehouse_balance": start, "ending_warehouse_balance": start + units}
    values = {"date": name, "location": centre, "receipts": units, **balances}
    return row(LEDGER_SUMMARY, **(values | changes))


def balances(summary: list[Row], ledger: list[Row]) -> dict[str, Balance]:
    return read_balances(frame(LEDGER_SUMMARY, summary).lazy(), frame(LEDGER, ledger).lazy())


BEFORE = moved(4, "07/20/2026")
MONTHS = [month("08/2026", 4, 3), month("09/2026", 7, 2), month("10/2026", 9, 1)]
ROWS = [BEFORE, moved(3, "08/03/2026"), moved(2, "09/04/2026"), moved(1, "10/05/2026")]


def test_months_that_the_rows_confirm_are_even_and_rows_from_before_are_not_opened_twice() -> None:
    assert balances(MONTHS, ROWS) == {"X001": Balance(opening=0)}
    assert balances(MONTHS, ROWS[1:]) == {"X001": Balance(opening=4)}


def test_a_month_whose_rows_are_not_all_there_says_where() -> None:
    (found,) = balances(MONTHS, [*ROWS[:2], ROWS[3]]).values()
    assert found.gaps == [
        ("PHX6", -2, "SELLABLE 09/2026 moved +2 by the summary, +0 by the rows of the ledger")
    ]


def test_rows_of_a_place_that_the_summary_does_not_know_are_said() -> None:
    (found,) = balances(MONTHS, [*ROWS, moved(5, "09/09/2026", "TEB9")]).values()
    assert [(centre, units) for centre, units, _ in found.gaps] == [("TEB9", 5)]


@pytest.mark.parametrize("day", ["10/30/2026", "07/01/2026"])
def test_nothing_is_said_of_the_newest_month_nor_of_the_one_in_which_the_rows_begin(
    day: str,
) -> None:
    (found,) = balances(MONTHS, [*ROWS, moved(5, day)]).values()
    assert found.gaps == []


def test_a_summary_by_country_is_beside_the_rows_of_that_country() -> None:
    countries = [one | {"location": "US"} for one in MONTHS]
    halves = [BEFORE, *ROWS[1:3], moved(1, "10/05/2026", "TEB9")]
    assert balances(countries, halves) == {"X001": Balance(opening=0)}


def test_a_summary_by_country_beside_one_by_centre_counts_no_unit_twice() -> None:
    countries = [one | {"location": "US"} for one in MONTHS]
    assert balances([*countries, *MONTHS], ROWS) == {"X001": Balance(opening=0)}


def test_days_and_weeks_are_not_months() -> None:
    days = [month("09/01/2026", 400, 3), month("2026-09-01", 400, 3)]
    assert balances([*days, *MONTHS], ROWS) == {"X001": Balance(opening=0)}
    assert balances(days, ROWS) == {}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 10), st.integers(-3, 5), st.sampled_from(["PHX6", "TEB9"])),
        min_size=1,
        max_size=20,
    ),
    st.integers(1, 10),
)
def test_a_summary_of_any_history_is_even_and_opens_with_nothing(
    drawn: list[tuple[int, int, str]], first: int
) -> None:
    """As Amazon writes it: every month with a movement, from `first` on, each from the one before."""
    summary, at = [], defaultdict[str, int](int)
    for number in range(1, 11):
        for centre in ("PHX6", "TEB9"):
            units = [one for month_, one, place in drawn if (month_, place) == (number, centre)]
            if units and number >= first:
                summary.append(month(f"{number:02}/2026", at[centre], sum(units), centre))
            at[centre] += sum(units)
    ledger = [moved(units, f"{number:02}/15/2026", centre) for number, units, centre in drawn]
    for balance in balances(summary, ledger).values():
        assert (balance.opening, balance.gaps) == (0, [])
