"""Claims beside the truth: figures that see every kind of mistake, and sellers on whom none is made."""

from typing import Any

import pytest

from opside_local.accuracy import Accuracy, DetectionFailed, Seller, compare, examine, words


def claim(kind: str = "warehouse_lost", **changes: Any) -> dict[str, Any]:
    values = {"claim_type": kind, "fnsku": "X1", "sku": "S1", "order_id": "", "reference_id": "7"}
    return {**values, "quantity": 2, "value_minor": None, **changes}


def loss(kind: str = "warehouse_lost", **changes: Any) -> dict[str, Any]:
    values = {"claim_type": kind, "fnsku": "X1", "sku": "S1", "order_id": None, "reference": "7"}
    return {**values, "quantity": 2, "value_minor": None, "reason": None, **changes}


def beside(claims: list[dict[str, Any]], losses: list[dict[str, Any]]) -> Accuracy:
    return compare(claims, losses, costs={"S1": 300}, who="ada", currency="usd")


def test_equal_claims_are_exact_in_units_and_money():
    found = beside([claim()], [loss()])
    assert (found.all_units.precision, found.all_units.recall) == (1, 1)
    assert found.money["warehouse_lost", "usd"].right == 600
    assert (found.misses, found.claimed_twice) == ([], 0)


def test_a_claim_too_many_lowers_precision_and_is_named():
    found = beside([claim(), claim(reference_id="8", quantity=1)], [loss()])
    assert (found.all_units.precision, found.all_units.recall) == (2 / 3, 1)
    assert "warehouse_lost of X1 (8): claimed 1 units" in found.misses[0]


def test_a_loss_that_was_not_found_lowers_recall_and_is_named():
    found = beside([], [loss()])
    assert (found.all_units.precision, found.all_units.recall) == (1, 0)
    assert "owed 2 units, 600" in found.misses[0]


def test_a_loss_that_is_not_owed_is_not_missed_but_wrong_to_claim():
    paid = loss(reason="paid_cash")
    assert beside([], [paid]).misses == []
    assert beside([claim()], [paid, loss(reference="9")]).all_units.precision == 0


def test_a_wrong_value_of_the_right_units_lowers_money_alone():
    order = {"order_id": "o", "quantity": 1}
    found = beside(
        [claim("customer_return", **order, value_minor=90)],
        [loss("customer_return", **order, value_minor=100)],
    )
    assert found.all_units.recall == 1
    assert found.money_of("usd").recall == 0.9
    assert len(found.misses) == 1


@pytest.mark.parametrize("kind", ["reversal", "warehouse_damaged"])
def test_a_unit_under_two_names_is_claimed_twice(kind):
    again = claim(kind, reference_id="8")
    assert beside([claim(), again], [loss(), loss(kind, reference="8")]).claimed_twice == (
        2 if kind == "reversal" else 0
    ), "a payment taken back was for a unit that is lost already; a damaged unit is another"


def test_equal_losses_are_counted_each():
    assert beside([claim()], [loss(), loss()]).all_units.recall == 0.5
    assert beside([claim(), claim()], [loss(), loss()]).all_units.recall == 1


def test_claims_on_a_clean_seller_are_counted():
    assert beside([claim()], [loss(reason="found_later")]).claims_on_clean_sellers == 1


async def test_a_program_that_fails_is_said():
    with pytest.raises(DetectionFailed, match=r"(?s)opside_sandbox\.amazon\.bulk: .*nobody"):
        await examine([Seller("nobody", "s", rows=10)])


async def test_nothing_is_missed_and_nothing_invented_on_sellers_of_every_marketplace():
    """At the size of `make check`; `make bench ONLY=precision` takes more sellers."""
    everywhere = [Seller(like, "ci", rows=1_200) for like in ("yuki", "chloe")]
    everywhere += [Seller(like, "ci", rows=800) for like in ("ada", "cleo", "dieter", "dora")]
    found = await examine(everywhere)
    assert found.misses == [], list(words(found))
    assert (found.claimed_twice, found.claims_on_clean_sellers) == (0, 0)
    assert {kind for kind, units in found.units.items() if units.owed} == {
        *("warehouse_lost", "warehouse_damaged", "customer_return", "removal_lost"),
        *("inbound_shortage", "fee_overcharge", "underpaid", "reversal"),
    }
