"""A payer disputes a charge: a person hears of it, and nothing of it is sent on meanwhile."""

from dataclasses import replace

from door import Door
from factories.clawback_acts import open_cases
from factories.commission_bench import GROSS, Bench, ask
from fakes.stripe_fake import GOOD
from sqlalchemy import text

from opside_chassis.database import EVERY_TENANT, transaction
from stripe_payments.stripe_api.gateway import Dispute


def event(what: str) -> dict[str, object]:
    return {
        "id": f"evt_{what}",
        "type": f"charge.dispute.{what}",
        "livemode": False,
        "data": {"object": {"id": "du_1"}},
    }


async def test_a_dispute_holds_the_share_back_until_it_ended_without_harm(
    door: Door, bench: Bench
) -> None:
    await bench.save_card(GOOD)
    await bench.payout_account(active=False)
    await ask(bench.api, GROSS)
    await bench.work()
    row = await bench.row()
    assert row["state"] == "transfer_blocked"
    dispute = Dispute("du_1", str(row["intent_id"]), 10_000, "usd", "needs_response", "fraudulent")
    door.stripe.disputes["du_1"] = dispute
    for _ in range(2):
        await door.deliver(event("created"))
        await bench.work()
    assert await open_cases(bench) == ["dispute"]
    await bench.payout_account(active=True)
    async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
        await session.execute(
            text(
                "INSERT INTO outbox (id, kind, payload, tenant)"
                " SELECT 'obx_1', 'transfer_share', jsonb_build_object('commissionId', id), user_id"
                " FROM commissions"
            )
        )
    await bench.work()
    assert bench.stripe.transfers == []
    door.stripe.disputes["du_1"] = replace(dispute, status="won")
    await door.deliver(event("closed"))
    await bench.work()
    async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
        await session.execute(
            text(
                "INSERT INTO outbox (id, kind, payload, tenant)"
                " SELECT 'obx_2', 'transfer_share', jsonb_build_object('commissionId', id), user_id"
                " FROM commissions"
            )
        )
    await bench.work()
    assert (await bench.row())["state"] == "settled"


async def test_a_dispute_of_somebody_elses_charge_is_ignored(door: Door, bench: Bench) -> None:
    door.stripe.disputes["du_1"] = Dispute("du_1", "pi_x", 1, "usd", "needs_response", "fraudulent")
    await door.deliver(event("created"))
    await bench.work()
    assert await open_cases(bench) == []
