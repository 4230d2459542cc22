"""Stripe's JSON to our types: what is not as described is named; names are exact ones."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations_backend.stripe_oauth_api.identifiers import Identifier, Named, identifiers_of
from integrations_backend.stripe_oauth_api.read import (
    NotAsDescribed,
    account_of,
    page_of,
    transaction_of,
)

CASE = "cas_" + "0" * 32
ORDER = "111-2222222-3333333"


def told(**changes: Any) -> dict[str, Any]:
    return {
        "id": "txn_1",
        "object": "balance_transaction",
        "amount": 4_200,
        "fee": 152,
        "net": 4_048,
        "currency": "usd",
        "type": "charge",
        "reporting_category": "charge",
        "created": 1_790_000_000,
        "available_on": 1_790_172_800,
        "description": None,
        "source": {"id": "ch_1", "metadata": {"order_id": ORDER}},
    } | changes


def test_a_movement_is_read() -> None:
    row = transaction_of(told())
    assert (row.transaction_id, row.amount_minor, row.fee_minor, row.net_minor) == (
        "txn_1", 4_200, 152, 4_048,
    )  # fmt: skip
    assert row.occurred_at == datetime.fromtimestamp(1_790_000_000, UTC)
    assert row.source_id == "ch_1"
    assert row.identifiers == (Identifier(Named.ORDER, ORDER),)


@pytest.mark.parametrize(("source", "name"), [("ch_9", "ch_9"), (None, None), ({"id": 7}, None)])
def test_a_source_may_be_an_id_or_nothing(source: object, name: str | None) -> None:
    assert transaction_of(told(source=source)).source_id == name


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": "txn\0"},
        {"id": "txn\ud800"},
        {"amount": "4200"},
        {"amount": 42.0},
        {"amount": True},
        {"amount": 10**15, "net": 10**15 - 152},
        {"net": 4_047},
        {"created": -1},
        {"created": 10**18},
        {"created": "now"},
        {"currency": ""},
        {"type": None},
    ],
)
def test_what_is_not_as_described_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(NotAsDescribed):
        transaction_of(told(**changes))


def test_one_strange_row_does_not_hide_the_others() -> None:
    page = page_of({"data": [told(), told(id="txn_2", amount=None)], "has_more": True})
    assert [row.transaction_id for row in page.rows] == ["txn_1"]
    assert list(page.unreadable) == ["txn_2"]
    assert (page.last_id, page.more) == ("txn_2", True), "the next page begins after it"


@pytest.mark.parametrize("found", [{}, {"data": "x"}, {"data": [1]}])
def test_no_list_is_no_page(found: dict[str, Any]) -> None:
    with pytest.raises(NotAsDescribed):
        page_of(found)


def test_the_account_has_the_name_that_its_owner_gave_it() -> None:
    found = {"id": "acct_1", "country": "DE", "default_currency": "eur", "email": None}
    assert account_of({**found, "business_profile": {"name": "Ada's"}}).name == "Ada's"
    shop = {"dashboard": {"display_name": "Shop"}}
    assert (
        account_of({**found, "business_profile": {"name": None}, "settings": shop}).name == "Shop"
    )
    with pytest.raises(NotAsDescribed):
        account_of({"id": "acct_1"})


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"caseId": CASE}, [(Named.CASE, CASE)]),
        ({"note": f"for {CASE}."}, [(Named.CASE, CASE)]),
        ({"order_id": ORDER}, [(Named.ORDER, ORDER)]),
        ({"reimbursement-id": "70001234"}, [(Named.RECOVERY, "70001234")]),
        ({"Amazon_Case_ID": "1234567890"}, [(Named.AMAZON_CASE, "1234567890")]),
        ({"order_number": "1234567890"}, []),
        ({"order_id": f"9{ORDER}"}, []),
        ({"order_id": f"{ORDER}-1"}, []),
        ({"reimbursement_id": "7x"}, []),
        ({"a": 7, "b": None}, []),
    ],
)
def test_only_exact_names_count(
    metadata: dict[str, object], expected: list[tuple[Named, str]]
) -> None:
    assert identifiers_of(metadata) == tuple(Identifier(*one) for one in expected)


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=8), st.text())
def test_no_text_breaks_the_reading_of_names(metadata: dict[str, object], text: str) -> None:
    found = identifiers_of(metadata, (text,))
    assert len(found) == len(set(found))
    assert all(":" not in one.value and "\0" not in one.value for one in found)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(exclude_categories=()), max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(told())), _JSON))
def test_no_answer_breaks_the_reader(changes: dict[str, Any]) -> None:
    """Any JSON is a row or is refused; an accepted row adds up and fits the database."""
    try:
        row = transaction_of(told(**changes))
    except NotAsDescribed:
        return
    assert row.net_minor == row.amount_minor - row.fee_minor
    for kept in (row.transaction_id, row.kind, row.currency, row.description, row.source_id):
        assert kept is None or ("\0" not in kept and kept.encode())
