"""A document answers a case by its order or shipment, or by article, quantity, date and amount together."""

from datetime import timedelta
from typing import Any

import pytest
from fakes.integrations_fake import TODAY, seller_case
from hypothesis import given
from hypothesis import strategies as st

from main_api.case_facts.facts import Facts
from main_api.evidence.matching import FNSKU_BP, ORDER_BP, SKU_BP, Document, Line, Value, propose

HEAD = {"invoice_date": "2026-09-01", "currency": "usd"}
LINE = {"fnsku": "X001", "unit_cost_minor": "2000"}


def case(number: int = 1, **changes: Any) -> Facts:
    return Facts.told(seller_case(number, **changes))


def said(values: dict[str, str], confidence_bp: int = 10_000) -> dict[str, Value]:
    return {name: Value(text, confidence_bp) for name, text in values.items()}


def invoice(head: dict[str, str], *lines: dict[str, str], free: int = 10) -> Document:
    return Document(
        said(head), [Line(number, said(line), free) for number, line in enumerate(lines, 1)]
    )


def test_label_quantity_date_and_amount_together_are_a_match_that_explains_itself() -> None:
    [found] = propose(invoice(HEAD, LINE), [case()])
    assert (found.case_id, found.line_no, found.units, found.confidence_bp) == (
        "cas_1",
        1,
        2,
        FNSKU_BP,
    )
    assert found.reasons == (
        "the line names FNSKU X001",
        "10 free units cover the 2 that are claimed",
        "dated 2026-09-01, within a year before the loss of 2026-10-31",
        "2 units at 2000 minor units usd are what the claim is worth",
    )


def test_an_order_or_shipment_id_is_enough() -> None:
    order = case(order_id="111-2222222-3333333")
    [found] = propose(invoice({"order_id": "111-2222222-3333333"}), [order])
    assert (found.line_no, found.units, found.confidence_bp) == (0, 0, ORDER_BP)
    shipment = case(claim_type="inbound_shortage", reference_id="FBA15ABC")
    [found] = propose(invoice({"shipment_id": "FBA15ABC"}), [shipment])
    assert found.reasons == ("the document names shipment FBA15ABC",)


def test_a_case_without_an_order_matches_no_document_without_one() -> None:
    assert propose(invoice({"order_id": ""}), [case(order_id="")]) == []


@pytest.mark.parametrize(
    ("head", "line", "free"),
    [
        ({}, {"sku": "SKU-1"}, 10),
        ({}, {"fnsku": "X001"}, 10),
        (HEAD, {"fnsku": "X001"}, 10),
        (HEAD, {"sku": "SKU-1"}, 10),
        ({"invoice_date": "2026-09-01"}, LINE, 10),
        ({"currency": "usd"}, LINE, 10),
        (HEAD | {"currency": "eur"}, LINE, 10),
        (HEAD | {"invoice_date": "2025-10-30"}, LINE, 10),
        (HEAD | {"invoice_date": "2026-11-01"}, LINE, 10),
        (HEAD, LINE | {"unit_cost_minor": "2101"}, 10),
        (HEAD, LINE | {"fnsku": "X002"}, 10),
        (HEAD, LINE, 1),
    ],
)
def test_an_article_without_the_rest_is_no_match(
    head: dict[str, str], line: dict[str, str], free: int
) -> None:
    assert propose(invoice(head, line, free=free), [case()]) == []


def test_what_was_sold_is_no_matter_of_an_invoice() -> None:
    assert propose(invoice(HEAD, LINE), [case(claim_type="customer_return")]) == []


def test_a_claim_of_unknown_value_takes_the_cost_that_it_lacks() -> None:
    [found] = propose(invoice(HEAD, LINE), [case(value_cents=None)])
    assert "that the claim lacks" in found.reasons[-1]


def test_a_sku_is_less_sure_than_a_label_and_doubts_of_the_reading_count() -> None:
    line = {"sku": "SKU-1", "unit_cost_minor": "2000"}
    [found] = propose(invoice(HEAD, line), [case()])
    assert found.confidence_bp == SKU_BP
    doubtful = Document(said(HEAD, 5_000), [Line(1, said(LINE), 10)])
    [found] = propose(doubtful, [case()])
    assert found.confidence_bp == FNSKU_BP // 2


def test_units_go_to_the_claims_whose_time_ends_first_and_only_once() -> None:
    cases = [
        case(number, fnsku="X001", deadline=TODAY + timedelta(days=50 - number))
        for number in range(1, 5)
    ]
    found = propose(invoice(HEAD, LINE, free=5), cases)
    assert [one.case_id for one in found] == ["cas_4", "cas_3"]


def test_what_accepted_documents_prove_needs_no_other() -> None:
    assert propose(invoice(HEAD, LINE), [case()], proven={"cas_1": 2}) == []
    [found] = propose(invoice(HEAD, LINE), [case()], proven={"cas_1": 1})
    assert found.units == 1


labels = st.sampled_from(["X001", "X002", "X003"])
units = st.integers(1, 6)
some_cases = st.lists(
    st.builds(
        lambda fnsku, quantity, order, days: (fnsku, quantity, order, days),
        labels,
        units,
        st.sampled_from(["", "111", "222"]),
        st.integers(0, 60),
    ),
    max_size=12,
).map(
    lambda rows: [
        case(
            number,
            fnsku=fnsku,
            quantity=quantity,
            order_id=order,
            value_cents=2_000 * quantity,
            deadline=TODAY + timedelta(days=days),
        )
        for number, (fnsku, quantity, order, days) in enumerate(rows)
    ]
)
some_lines = st.lists(st.tuples(labels, st.integers(1, 9)), max_size=5)


@given(some_cases, some_lines, st.sampled_from([{}, {"order_id": "111"}]))
def test_proposals_together_never_use_a_unit_twice(
    cases: list[Facts], lines: list[tuple[str, int]], named: dict[str, str]
) -> None:
    free = {number: count for number, (_, count) in enumerate(lines, 1)}
    document = Document(
        said(HEAD | named),
        [
            Line(number, said(LINE | {"fnsku": label}), count)
            for number, (label, count) in enumerate(lines, 1)
        ],
    )
    found = propose(document, cases)
    assert len({one.case_id for one in found}) == len(found)
    wanted = {one.case_id: one.quantity for one in cases}
    used = dict.fromkeys(free, 0)
    for one in found:
        assert (one.line_no == 0) == (one.units == 0)
        assert one.reasons
        if one.line_no:
            assert one.units == wanted[one.case_id]
            used[one.line_no] += one.units
    assert all(used[number] <= free[number] for number in free)
