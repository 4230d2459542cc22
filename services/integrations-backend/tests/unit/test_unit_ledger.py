"""Where every unit is: sums that come out even, and every way in which they may not."""

from collections import Counter

import pytest
from factories.report_rows import Row, frame, row
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations_backend.reports.kinds import INVENTORY, LEDGER, LEDGER_SUMMARY
from integrations_backend.unit_ledger.balance import MOVEMENTS, ItemLedger, Uneven, unit_ledger


def event(kind: str, units: int, reason: str = "", **changes: object) -> Row:
    return row(LEDGER, event_type=kind, quantity=units, reason=reason, **changes)


def items(
    *events: Row, stock: list[Row] | None = None, summary: list[Row] | None = None
) -> list[ItemLedger]:
    return unit_ledger(
        frame(LEDGER, events).lazy(),
        stock=None if stock is None else frame(INVENTORY, stock),
        summary=None if summary is None else frame(LEDGER_SUMMARY, summary).lazy(),
    )


def held(units: int) -> Row:
    counts = {"afn_unsellable_quantity": 0, "afn_reserved_quantity": 0}
    return row(INVENTORY, afn_fulfillable_quantity=units, **counts)


def month(name: str, start: int, end: int, **moved: int) -> Row:
    balances = {"starting_warehouse_balance": start, "ending_warehouse_balance": end}
    return row(LEDGER_SUMMARY, date=name, **balances, **moved)


def uneven(item: ItemLedger) -> list[tuple[Uneven, str, int]]:
    return [(one.what, one.centre, one.units) for one in item.imbalances]


@pytest.mark.parametrize(
    ("kind", "reason", "movement"),
    [
        ("Receipts", "", "received"),
        ("Shipments", "", "shipped"),
        ("CustomerReturns", "", "returned"),
        ("VendorReturns", "", "removed"),
        ("WhseTransfers", "", "transferred"),
        *(("Adjustments", code, "found") for code in "FN"),
        *(("Adjustments", code, "lost") for code in "M5"),
        *(("Adjustments", code, "changed_state") for code in "67EHKUPQ"),
        *(("Adjustments", code, "disposed") for code in "DG"),
        *(("Adjustments", code, "redefined") for code in "34"),
        ("Adjustments", "O", "other"),
        ("Adjustments", "Z", "other"),
        ("SomethingNew", "", "other"),
    ],
)
def test_every_row_is_in_exactly_one_movement(kind: str, reason: str, movement: str) -> None:
    (item,) = items(event(kind, 3, reason))
    (line,) = item.centres
    assert line.moved == {**dict.fromkeys(MOVEMENTS, 0), movement: 3}
    assert (line.net, item.booked) == (3, 3)


def test_units_are_told_by_item_and_centre() -> None:
    first, second = items(
        event("Receipts", 5),
        event("Shipments", -2, fulfillment_center="TEB9"),
        event("Receipts", 4, fnsku="X002", msku="SKU-2"),
    )
    assert [(one.centre, one.net) for one in first.centres] == [("PHX6", 5), ("TEB9", -2)]
    assert (first.fnsku, first.sku, first.booked) == ("X001", "SKU-1", 3)
    assert (second.fnsku, second.sku, second.booked) == ("X002", "SKU-2", 4)


def test_a_transfer_that_arrives_is_even_and_one_that_does_not_is_said() -> None:
    left = event("WhseTransfers", -3)
    (even,) = items(left, event("WhseTransfers", 3, fulfillment_center="TEB9"))
    assert uneven(even) == []
    (short,) = items(left, event("WhseTransfers", 2, fulfillment_center="TEB9"))
    assert uneven(short) == [(Uneven.ON_THE_WAY, "", -1)]
    assert short.imbalances[0].because == "1 left a centre and did not arrive at another"


def test_a_damage_moves_units_into_another_state_or_is_said() -> None:
    damaged = event("Adjustments", -2, "E")
    (even,) = items(damaged, event("Adjustments", 2, "P", disposition="WAREHOUSE_DAMAGED"))
    assert uneven(even) == []
    (lost,) = items(damaged)
    assert uneven(lost) == [(Uneven.STATE, "PHX6", -2)]
    elsewhere = event("Adjustments", 2, "P", fulfillment_center="TEB9")
    (moved,) = items(damaged, elsewhere)
    assert uneven(moved) == [(Uneven.STATE, "PHX6", -2), (Uneven.STATE, "TEB9", 2)]


def test_opening_and_bookings_make_the_stock_or_it_is_said() -> None:
    moved = (event("Receipts", 5), event("Shipments", -2))
    summary = [month("10/2026", 4, 7, receipts=5, customer_shipments=-2)]
    (even,) = items(*moved, stock=[held(7)], summary=summary)
    assert (even.opening, even.booked, even.in_stock, uneven(even)) == (4, 3, 7, [])
    (short,) = items(*moved, stock=[held(6)], summary=summary)
    assert uneven(short) == [(Uneven.STOCK, "", -1)]
    assert short.imbalances[0].because == "7 by the ledger, 6 by the inventory report"


def test_without_an_opening_balance_the_stock_is_shown_and_nothing_is_said_of_it() -> None:
    (item,) = items(event("Receipts", 5), stock=[held(9)])
    assert (item.opening, item.in_stock, uneven(item)) == (None, 9, [])


def test_states_and_places_of_an_item_open_together() -> None:
    summary = [
        month("10/2026", 4, 4),
        month("10/2026", 1, 1) | {"disposition": "CUSTOMER_DAMAGED"},
    ]
    (item,) = items(event("Receipts", 0), summary=summary)
    assert item.opening == 5


def test_a_month_that_does_not_add_up_is_said() -> None:
    summary = [month("10/2026", 4, 8, receipts=5, unknown_events=-2)]
    (item,) = items(event("Receipts", 5), summary=summary)
    assert uneven(item) == [(Uneven.SUMMARY, "US", 1)]
    assert item.imbalances[0].because == ("SELLABLE 10/2026 ends with +1 beside its own movements")


def test_months_follow_from_each_other_in_the_order_of_time() -> None:
    rows = [month("01/2027", 6, 6), month("12/2026", 4, 6, receipts=2), month("02/2027", 5, 5)]
    (item,) = items(event("Receipts", 2, date="12/05/2026"), summary=rows)
    assert uneven(item) == [(Uneven.SUMMARY, "US", -1)]
    assert "02/2027 starts with -1" in item.imbalances[0].because
    assert item.opening == 4


def test_pages_hold_whole_items() -> None:
    events = [
        event("Receipts", 1, fnsku=f"X{n}", fulfillment_center=c) for n in range(5) for c in "AB"
    ]
    ledger = frame(LEDGER, events).lazy()
    first = unit_ledger(ledger, limit=2)
    rest = unit_ledger(ledger, after="X1", limit=9)
    assert [one.fnsku for one in first] == ["X0", "X1"]
    assert [one.fnsku for one in rest] == ["X2", "X3", "X4"]
    assert all(one.booked == 2 for one in first + rest)


moves = st.lists(
    st.tuples(
        st.sampled_from(
            [("Receipts", ""), ("Shipments", ""), ("WhseTransfers", ""), ("Adjustments", "M")]
        ),
        st.integers(-4, 4),
        st.sampled_from(["X001", "X002"]),
        st.sampled_from(["PHX6", "TEB9"]),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(moves)
def test_no_unit_is_lost_or_made_by_the_ledger_itself(
    drawn: list[tuple[tuple[str, str], int, str, str]],
) -> None:
    events = [
        event(kind, units, reason, fnsku=fnsku, fulfillment_center=centre)
        for (kind, reason), units, fnsku, centre in drawn
    ]
    booked: Counter[tuple[str, str]] = Counter()
    for _, units, fnsku, centre in drawn:
        booked[fnsku, centre] += units
    found = {(one.fnsku, line.centre): line.net for one in items(*events) for line in one.centres}
    assert found == booked
