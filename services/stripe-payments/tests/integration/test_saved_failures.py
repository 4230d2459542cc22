"""Stripe fails, and answers that failure again for as long as it keeps the key."""

from factories.commission_bench import Bench, ask
from fakes.stripe_fake import GOOD, unknown

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
