"""Stripe fails, and answers that failure again for as long as it keeps the key."""

import pytest
from factories.clawback_acts import take_back
from factories.commission_bench import Bench, ask
from fakes.stripe_fake import GOOD, unknown

from opside_contracts.payments.messages import ConnectAccount
from stripe_payments.connected_accounts.connect import connect_account
from stripe_payments.customers.payer import ensure_customer
from stripe_payments.stripe_api.errors import OutcomeUnknown


def saved() -> OutcomeUnknown:
    """A 500 that an earlier request with this key got."""
    return OutcomeUnknown("APIError 500", saved=True)


async def test_an_intent_made_in_a_request_that_failed_is_found_again(bench: Bench) -> None:
    bench.stripe.fail["create_intent", "after"] = [unknown(), saved()]
    await bench.save_card(GOOD)
    await ask(bench.api)
    await bench.work()
    row = await bench.row()
    assert (row["state"], row["intent_id"]) == ("settled", "pi_1")
    assert (len(bench.stripe.intents), bench.stripe.charges) == (1, 1)


async def test_a_request_that_failed_for_good_is_made_under_the_next_key(bench: Bench) -> None:
    bench.stripe.fail["create_intent", "before"] = [unknown(), saved(), unknown(), saved(), saved()]
    await bench.save_card(GOOD)
    await ask(bench.api)
    await bench.work()
    row = await bench.row()
    assert row["state"] == "settled"
    assert (len(bench.stripe.intents), bench.stripe.charges) == (1, 1)
    assert f"c:{row['id']}:pi:3" in bench.stripe.asked


async def test_a_failure_that_is_not_saved_keeps_its_key(bench: Bench) -> None:
    bench.stripe.fail["create_intent", "before"] = [unknown(), unknown()]
    await bench.save_card(GOOD)
    await ask(bench.api)
    await bench.work()
    row = await bench.row()
    assert row["state"] == "settled"
    assert [key for key in bench.stripe.asked if ":pi:" in key] == [f"c:{row['id']}:pi:1"]


async def test_a_customer_an_account_and_a_cancellation_go_on_under_the_next_key(
    bench: Bench,
) -> None:
    bench.stripe.fail["create_customer", "before"] = [saved(), saved()]
    bench.stripe.fail["create_account", "before"] = [saved()]
    bench.stripe.fail["cancel_intent", "before"] = [saved()]
    assert await ensure_customer(bench.api, bench.stripe, user_id="usr_a") == "cus_usr_a"
    await connect_account(bench.api, bench.stripe, ConnectAccount(user_id="usr_a"))
    await ask(bench.api)
    await bench.work()
    await take_back(bench, str((await bench.row())["id"]), 10_000)
    await bench.work(rounds=1)
    assert (await bench.row())["state"] == "cancelled"
    assert not any(bench.stripe.fail.values())


async def test_no_more_than_five_keys_are_used_at_once(bench: Bench) -> None:
    bench.stripe.fail["create_customer", "before"] = [saved()] * 6
    with pytest.raises(OutcomeUnknown, match="5 keys"):
        await ensure_customer(bench.api, bench.stripe, user_id="usr_a")
    assert len(bench.stripe.fail["create_customer", "before"]) == 1
