"""Amazon takes money back while nobody knows whether the seller's share was sent."""

import pytest
from factories.clawback_acts import take_back
from factories.commission_bench import GROSS, Bench, ask
from fakes.stripe_fake import GOOD, unknown


@pytest.mark.parametrize("happened", ["before", "after"])
async def test_the_share_is_found_or_sent_first_and_then_a_part_of_it_comes_back(
    bench: Bench, happened: str
) -> None:
    bench.stripe.fail["create_transfer", happened] = [unknown()]
    await bench.save_card(GOOD)
    await bench.payout_account(active=True)
    await ask(bench.api, GROSS)
    await bench.work(rounds=1)
    row = await bench.row()
    assert row["state"] == "transfer_unknown"
    await take_back(bench, str(row["id"]), 5_000)
    await bench.work()
    row = await bench.row()
    assert (row["state"], row["reserved_minor"], row["refunded_minor"]) == ("settled", 0, 5_000)
    assert (row["transferred_minor"], row["reversed_minor"]) == (8_000, 4_000)
    assert len(bench.stripe.transfers) == 1
