"""One commission from the request to rest: repeated, raced, interrupted at every call, declined."""

import asyncio
from dataclasses import replace

import pytest
from factories.commission_bench import GROSS, REQUEST, Bench, ask
from fakes.stripe_fake import ASKS, DECLINED, GOOD, Crash, unknown
from sqlalchemy import text

from opside_chassis.database import EVERY_TENANT, transaction
from opside_chassis.errors import Conflict, Unprocessable
from opside_chassis.jobs import drain
from stripe_payments.commissions.access import nudge_overdue, resume_transfers, settle_by_intent


async def test_the_fee_is_collected_once_and_booked(bench: Bench) -> None:
    await bench.save_card(GOOD)
    await ask(bench.api)
    await bench.work()
    row = await bench.row()
    assert (row["state"], row["collected_minor"], row["deadline_at"]) == ("settled", 2_000, None)
    proof = await bench.proof()
    assert proof["charges_gross_minor"] == 2_000
    assert proof["processor_fees_minor"] == 88
    assert bench.stripe.calls.count("confirm_intent") == 1
    assert bench.events[-1].settled


async def test_the_same_key_brings_the_same_answer(bench: Bench) -> None:
    first = await ask(bench.api)
    again = await ask(bench.api)
    assert (first.body, first.replayed, again.replayed) == (again.body, False, True)


async def test_the_same_key_for_another_request_is_refused(bench: Bench) -> None:
    await ask(bench.api)
    with pytest.raises(Unprocessable):
        await ask(bench.api, REQUEST.model_copy(update={"claim_id": "clm_2"}))


async def test_another_amount_for_a_charged_recovery_is_refused(bench: Bench) -> None:
    await ask(bench.api)
    with pytest.raises(Conflict):
        await ask(bench.api, REQUEST.model_copy(update={"amount_recovered_cents": 1}), key="key-2")


@pytest.mark.parametrize("same_key", [True, False])
async def test_racing_requests_make_one_commission(bench: Bench, same_key: bool) -> None:
    answers = await asyncio.gather(
        *(ask(bench.api, key="k" if same_key else f"k-{number}") for number in range(40))
    )
    assert len({answer.body for answer in answers}) == 1
    await bench.save_card(GOOD)
    await bench.work()
    assert bench.stripe.charges == 1


async def test_a_fee_below_stripes_minimum_is_waived(bench: Bench) -> None:
    await ask(bench.api, REQUEST.model_copy(update={"amount_recovered_cents": 200}))
    await bench.work()
    row = await bench.row()
    assert row["state"] == "waived"
    assert bench.stripe.calls == []
    assert bench.events[-1].platform_fee_cents == 0


async def test_it_waits_for_a_card_and_goes_on_with_the_same_intent(bench: Bench) -> None:
    await ask(bench.api)
    await bench.work()
    waiting = await bench.row()
    assert (waiting["state"], waiting["next_step"]) == ("awaiting_customer", "add_payment_method")
    await bench.save_card(GOOD)
    await bench.work()
    row = await bench.row()
    assert (row["state"], row["intent_id"]) == ("settled", waiting["intent_id"])
    assert len(bench.stripe.intents) == 1


async def test_a_decline_is_a_state_and_another_card_pays_the_same_intent(bench: Bench) -> None:
    await bench.save_card(DECLINED)
    await ask(bench.api)
    await bench.work()
    row = await bench.row()
    assert (row["state"], row["failure_reason"]) == ("failed", "generic_decline")
    assert row["next_step"] == "replace_payment_method"
    await bench.save_card(GOOD)
    await bench.work()
    assert (await bench.row())["state"] == "settled"
    assert len(bench.stripe.intents) == 1


async def test_authentication_is_asked_of_the_seller(bench: Bench) -> None:
    await bench.save_card(ASKS)
    await ask(bench.api)
    await bench.work()
    row = await bench.row()
    assert (row["state"], row["next_step"]) == ("awaiting_customer", "authenticate_payment")


POINTS = [
    (operation, where, kind)
    for operation in ("create_intent", "confirm_intent", "intent", "charge")
    for where in ("before", "after")
    for kind in (unknown, Crash)
    if not (operation in {"intent", "charge"} and where == "after")
]


@pytest.mark.parametrize(("operation", "where", "kind"), POINTS)
async def test_it_comes_to_rest_by_itself_whatever_breaks(
    bench: Bench, operation: str, where: str, kind: type
) -> None:
    bench.stripe.fail[operation, where] = [kind()]
    if operation == "intent":
        bench.stripe.fail["confirm_intent", "after"] = [unknown()]
    await bench.save_card(GOOD)
    await ask(bench.api)
    await bench.work()
    row = await bench.row()
    assert row["state"] == "settled"
    assert bench.stripe.charges == 1
    assert len(bench.stripe.intents) == 1
    assert (await bench.proof())["charges_gross_minor"] == 2_000


async def test_a_card_saved_between_two_tries_does_not_change_the_first_call(bench: Bench) -> None:
    bench.stripe.fail["create_intent", "after"] = [Crash()]
    await ask(bench.api)
    with pytest.raises(Crash):
        await drain(bench.workshop)
    await bench.save_card(GOOD)
    await bench.work()
    assert (await bench.row())["state"] == "settled"
    assert len(bench.stripe.intents) == 1


async def test_gross_collects_all_and_transfers_the_share(bench: Bench) -> None:
    await bench.save_card(GOOD)
    await bench.payout_account(active=True)
    await ask(bench.api, GROSS)
    await bench.work()
    row = await bench.row()
    assert (row["state"], row["collected_minor"], row["transferred_minor"]) == (
        "settled",
        10_000,
        8_000,
    )
    proof = await bench.proof()
    assert proof["transfers_minor"] == 8_000
    assert proof["platform_balance_minor"] == 10_000 - 320 - 8_000
    assert bench.events[-1].status == "transferred"


async def test_a_share_waits_for_the_sellers_account(bench: Bench) -> None:
    await bench.save_card(GOOD)
    await bench.payout_account(active=False)
    await ask(bench.api, GROSS)
    await bench.work()
    assert (await bench.row())["state"] == "transfer_blocked"
    await bench.payout_account(active=True)
    async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
        await resume_transfers(session, "usr_a")
    await bench.work()
    assert (await bench.row())["state"] == "settled"


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("kind", [unknown, Crash])
async def test_an_interrupted_transfer_is_sent_once(bench: Bench, where: str, kind: type) -> None:
    bench.stripe.fail["create_transfer", where] = [kind()]
    await bench.save_card(GOOD)
    await bench.payout_account(active=True)
    await ask(bench.api, GROSS)
    await bench.work()
    assert (await bench.row())["state"] == "settled"
    assert len(bench.stripe.transfers) == 1


async def test_webhook_and_worker_may_settle_in_any_order(bench: Bench) -> None:
    await bench.save_card(GOOD)
    await ask(bench.api)
    bench.stripe.fail["confirm_intent", "after"] = [Crash()]
    with pytest.raises(Crash):
        await drain(bench.workshop)
    intent = next(iter(bench.stripe.intents.values()))
    for _ in range(2):  # and the webhook comes twice
        async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
            assert await settle_by_intent(session, intent)
    late = replace(intent, status="requires_payment_method", failure_code="late")
    async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
        await settle_by_intent(session, late)
    await bench.work()
    row = await bench.row()
    assert (row["state"], row["collected_minor"]) == ("settled", 2_000)
    assert (await bench.proof())["charges_gross_minor"] == 2_000


async def test_an_intent_over_another_amount_becomes_a_case(bench: Bench) -> None:
    await ask(bench.api)
    await bench.work()
    intent = next(iter(bench.stripe.intents.values()))
    wrong = replace(intent, status="succeeded", amount_minor=1, latest_charge_id="ch_9")
    async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
        await settle_by_intent(session, wrong)
        kinds = (await session.execute(text("SELECT kind FROM cases"))).scalars().all()
    assert kinds == ["intent_mismatch"]
    assert (await bench.row())["collected_minor"] == 0


async def test_the_sweep_takes_up_what_lost_its_job(bench: Bench) -> None:
    await bench.save_card(GOOD)
    await ask(bench.api)
    async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
        await session.execute(text("DELETE FROM outbox"))
        await session.execute(text("UPDATE commissions SET deadline_at = now() - interval '1 s'"))
    async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
        assert await nudge_overdue(session) == 1
    await bench.work()
    assert (await bench.row())["state"] == "settled"


async def test_an_intent_paid_before_we_confirmed_it_becomes_a_case(bench: Bench) -> None:
    await ask(bench.api)
    bench.stripe.fail["create_intent", "after"] = [Crash()]
    await bench.work(rounds=1)
    intent = next(iter(bench.stripe.intents.values()))
    async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
        await session.execute(
            text("UPDATE commissions SET state = 'ready', intent_id = :id"), {"id": intent.id}
        )
    paid = replace(intent, status="succeeded", latest_charge_id="ch_9")
    async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
        assert await settle_by_intent(session, paid)
        kinds = (await session.execute(text("SELECT kind FROM cases"))).scalars().all()
    assert kinds == ["paid_unexpectedly"]
