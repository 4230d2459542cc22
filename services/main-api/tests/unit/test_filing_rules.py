"""States of a filing: who moves it where, and what payments make of it."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from main_api.filings.rules import (
    TRANSITIONS,
    UNFILED,
    FilingState,
    may_move,
    person_may_move,
    state_after_payments,
)

FILED = set(FilingState) - UNFILED - {FilingState.EXPIRED}
payments = st.lists(
    st.tuples(st.integers(1, 5), st.integers(1, 10_000), st.integers(0, 10_000)), min_size=1
)


def test_what_was_filed_is_filed_for_ever() -> None:
    back = {
        (former, later) for former, later in TRANSITIONS if former in FILED and later not in FILED
    }
    assert back == set()
    assert all(may_move(former, FilingState.FILED) for former in {*UNFILED, FilingState.EXPIRED})


def test_every_state_can_be_reached_from_a_draft_and_a_draft_begins() -> None:
    reached = {FilingState.DRAFTED}
    while True:
        more = {later for former, later in TRANSITIONS if former in reached} | reached
        if more == reached:
            break
        reached = more
    assert reached == set(FilingState)


def test_payments_are_believed_in_every_state_that_they_can_meet() -> None:
    outcomes = {FilingState.PAID, FilingState.PARTLY_PAID, FilingState.DENIED}
    for former, later in itertools.product(FILED, outcomes - {FilingState.DENIED}):
        assert former is later or may_move(former, later), f"{former} -> {later}"
    for former in (FilingState.PAID, FilingState.PARTLY_PAID):
        assert may_move(former, FilingState.DENIED)


def test_no_person_says_that_amazon_paid_or_takes_it_back() -> None:
    facts = {FilingState.PAID, FilingState.PARTLY_PAID, FilingState.EXPIRED, FilingState.FILED}
    for former, later in TRANSITIONS:
        allowed = later not in facts and former is not FilingState.PAID
        assert person_may_move(former, later) is allowed


@given(st.integers(1, 10), payments)
def test_paid_is_only_what_was_paid_whole_and_kept(
    claimed: int, told: list[tuple[int, int, int]]
) -> None:
    units = sum(one for one, _, _ in told)
    paid = sum(amount for _, amount, _ in told)
    taken = sum(min(back, amount) for _, amount, back in told)
    state = state_after_payments(
        claimed_units=claimed, paid_units=units, paid_minor=paid, reversed_minor=taken
    )
    assert (state is FilingState.DENIED) == (taken == paid)
    assert (state is FilingState.PAID) == (units >= claimed and taken == 0)
