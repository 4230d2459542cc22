"""Amazon takes money back: in parts, twice, too early, interrupted at every call, refused by a bank."""

from dataclasses import replace

import pytest
from factories.clawback_acts import balances, charged, clawbacks, open_cases, take_back
from factories.commission_bench import REQUEST, Bench, ask
from fakes.stripe_fake import GOOD, Crash, unknown
from sqlalchemy import text

from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.errors import Conflict, NotFound, Unprocessable
from opside_chassis.outbox import RetryLater
from stripe_payments.clawbacks.access import refund_changed, retry_blocked
from stripe_payments.clawbacks.rules import TRANSITIONS
from stripe_payments.commissions.access import resume_transfers
from stripe_payments.roles import ADMIN
from stripe_payments.stripe_api.errors import Refused


async def test_the_database_knows_the_same_transitions(sessions: Sessions) -> None:
    async with transaction(sessions) as session:
        rows = await session.execute(text("SELECT from_state, to_state FROM clawback_transitions"))
        assert {tuple(row) for row in rows} == {(of.value, to.value) for of, to in TRANSITIONS}


async def test_a_part_of_the_fee_comes_back_in_proportion(bench: Bench) -> None:
    commission = await charged(bench, gross=False)
    await take_back(bench, commission, 2_500)
    await bench.work()
    row = await bench.row()
    assert (row["state"], row["refunded_minor"], row["fee_credited_minor"]) == ("settled", 500, 500)
    assert bench.stripe.refunds[0].amount_minor == 500
    assert bench.stripe.reversals == []
    assert await balances(bench) == {
        "asset:stripe_balance": 2_000 - 88 - 500,
        "expense:processor_fees": 88,
        "revenue:commission": -1_500,
    }


async def test_all_taken_back_is_a_refunded_fee(bench: Bench) -> None:
    commission = await charged(bench, gross=False)
    await take_back(bench, commission, 10_000)
    await bench.work()
    assert (await bench.row())["state"] == "refunded"
    assert bench.events[-1].status == "refunded"
    assert bench.events[-1].settled
    assert bench.events[-1].refunded_cents == 2_000


async def test_gross_takes_the_sellers_part_back_first(bench: Bench) -> None:
    commission = await charged(bench, gross=True)
    await take_back(bench, commission, 5_000)
    await bench.work()
    row = await bench.row()
    assert (row["reversed_minor"], row["refunded_minor"]) == (4_000, 5_000)
    assert row["state"] == "settled"
    calls = [call for call in bench.stripe.calls if call in {"reverse_transfer", "refund"}]
    assert calls == ["reverse_transfer", "refund"]
    assert await balances(bench) == {
        "asset:stripe_balance": 10_000 - 320 - 8_000 + 4_000 - 5_000,
        "expense:processor_fees": 320,
        "revenue:commission": -1_000,
    }


async def test_a_share_not_sent_yet_is_cut_and_then_sent(bench: Bench) -> None:
    commission = await charged(bench, gross=True, transferred=False)
    assert (await bench.row())["state"] == "transfer_blocked"
    await take_back(bench, commission, 5_000)
    await bench.work()
    assert bench.stripe.reversals == []
    assert (await bench.row())["state"] == "transfer_blocked"
    await bench.payout_account(active=True)
    async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
        await resume_transfers(session, "usr_a")
    await bench.work()
    row = await bench.row()
    assert (row["state"], row["transferred_minor"], row["refunded_minor"]) == (
        "settled",
        4_000,
        5_000,
    )
    assert (await balances(bench))["asset:stripe_balance"] == 10_000 - 320 - 5_000 - 4_000


async def test_all_taken_back_before_a_card_was_saved_cancels_the_fee(bench: Bench) -> None:
    await ask(bench.api)
    await bench.work()
    row = await bench.row()
    assert row["state"] == "awaiting_customer"
    await take_back(bench, str(row["id"]), 10_000)
    await bench.work()
    assert (await bench.row())["state"] == "cancelled"
    assert [one["state"] for one in await clawbacks(bench)] == ["nothing_due"]
    assert [intent.status for intent in bench.stripe.intents.values()] == ["canceled"]
    await bench.save_card(GOOD)
    await bench.work()
    assert bench.stripe.charges == 0


async def test_all_taken_back_before_the_first_step_charges_nothing(bench: Bench) -> None:
    await bench.save_card(GOOD)
    await ask(bench.api)
    await take_back(bench, str((await bench.row())["id"]), 10_000)
    await bench.work()
    assert (await bench.row())["state"] == "cancelled"
    assert bench.stripe.charges == 0


async def test_a_part_taken_back_too_early_waits_for_the_fee(bench: Bench) -> None:
    await ask(bench.api)
    await bench.work()
    await take_back(bench, str((await bench.row())["id"]), 5_000)
    await bench.work()
    assert [one["state"] for one in await clawbacks(bench)] == ["requested"]
    await bench.save_card(GOOD)
    await bench.work()
    row = await bench.row()
    assert (row["state"], row["collected_minor"], row["refunded_minor"]) == (
        "settled",
        2_000,
        1_000,
    )


async def test_a_waived_fee_has_nothing_to_give_back(bench: Bench) -> None:
    await ask(bench.api, REQUEST.model_copy(update={"amount_recovered_cents": 200}))
    await take_back(bench, str((await bench.row())["id"]), 200)
    await bench.work()
    assert [one["state"] for one in await clawbacks(bench)] == ["nothing_due"]
    assert bench.stripe.calls == []


async def test_a_repeat_has_one_effect(bench: Bench) -> None:
    commission = await charged(bench, gross=False)
    first = await take_back(bench, commission, 2_500, key="k-1")
    again = await take_back(bench, commission, 2_500, key="k-1")
    other_key = await take_back(bench, commission, 2_500, key="k-2")
    await bench.work()
    assert (first.body, again.replayed) == (again.body, True)
    assert other_key.body == first.body
    assert len(bench.stripe.refunds) == 1


async def test_what_cannot_be_is_refused(bench: Bench) -> None:
    commission = await charged(bench, gross=False)
    await take_back(bench, commission, 6_000)
    with pytest.raises(Unprocessable):
        await take_back(bench, commission, 4_001, reversal="rev-2")
    with pytest.raises(Conflict):
        await take_back(bench, commission, 5_000)
    with pytest.raises(NotFound):
        await take_back(bench, "txn_none", 1, reversal="rev-3")
    assert len(await clawbacks(bench)) == 1


POINTS = [
    (gross, operation, where, kind)
    for gross in (False, True)
    for operation in ("refund", "refunds_of", "reverse_transfer", "reversals_of")
    for where in ("before", "after")
    for kind in (unknown, Crash)
    if (gross or operation in {"refund", "refunds_of"})
    and not (operation.endswith("_of") and where == "after")
]


@pytest.mark.parametrize(("gross", "operation", "where", "kind"), POINTS)
async def test_it_comes_to_rest_by_itself_whatever_breaks(
    bench: Bench, gross: bool, operation: str, where: str, kind: type
) -> None:
    commission = await charged(bench, gross=gross)
    bench.stripe.fail[operation, where] = [kind()]
    await take_back(bench, commission, 5_000)
    await bench.work()
    assert bench.stripe.fail[operation, where] == []
    row = await bench.row()
    assert (row["state"], row["refunded_minor"]) == ("settled", 5_000 if gross else 1_000)
    assert len(bench.stripe.refunds) == 1
    assert len(bench.stripe.reversals) == int(gross)


async def test_a_pending_refund_is_finished_by_its_event_or_a_later_look(bench: Bench) -> None:
    commission = await charged(bench, gross=False)
    bench.stripe.refund_status = "pending"
    await take_back(bench, commission, 10_000)
    await bench.work()
    row = await bench.row()
    assert (row["state"], row["refund_reserved_minor"], row["refunded_minor"]) == (
        "reversal_needed",
        2_000,
        0,
    )
    bench.stripe.refunds[0] = replace(bench.stripe.refunds[0], status="succeeded")
    async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
        assert await refund_changed(session, bench.stripe.refunds[0])
        assert await refund_changed(session, bench.stripe.refunds[0])
    assert (await bench.row())["state"] == "refunded"
    assert (await bench.proof())["refunds_minor"] == 2_000


@pytest.mark.parametrize("late", [False, True])
async def test_a_refund_that_fails_frees_its_money_and_asks_a_person(
    bench: Bench, late: bool
) -> None:
    commission = await charged(bench, gross=False)
    bench.stripe.refund_status = "succeeded" if late else "pending"
    await take_back(bench, commission, 10_000)
    await bench.work()
    bench.stripe.refunds[0] = replace(
        bench.stripe.refunds[0], status="failed", failure_reason="lost_or_stolen_card"
    )
    async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
        await refund_changed(session, bench.stripe.refunds[0])
    row = await bench.row()
    assert (row["state"], row["refunded_minor"], row["refund_reserved_minor"]) == (
        "reversal_needed",
        0,
        0,
    )
    assert await open_cases(bench) == ["clawback_blocked"]
    assert (await bench.proof())["refunds_minor"] == 0
    bench.stripe.refund_status = "succeeded"
    async with transaction(bench.sessions, tenant=EVERY_TENANT, role=ADMIN) as session:
        assert await retry_blocked(session, commission) == 1
    await bench.work()
    assert (await bench.row())["state"] == "refunded"
    assert (await bench.proof())["refunds_minor"] == 2_000


@pytest.mark.parametrize("operation", ["reverse_transfer", "refund"])
async def test_what_stripe_refuses_waits_for_a_person(bench: Bench, operation: str) -> None:
    commission = await charged(bench, gross=True)
    bench.stripe.fail[operation, "before"] = [Refused("balance_insufficient", "empty")]
    await take_back(bench, commission, 10_000)
    await bench.work()
    assert (await bench.row())["state"] == "reversal_needed"
    assert bench.stripe.refunds == []
    assert await open_cases(bench) == ["clawback_blocked"]
    async with transaction(bench.sessions, tenant=EVERY_TENANT, role=ADMIN) as session:
        await retry_blocked(session, commission)
    await bench.work()
    assert (await bench.row())["state"] == "refunded"
    assert (len(bench.stripe.reversals), len(bench.stripe.refunds)) == (1, 1)


async def test_a_refund_made_elsewhere_becomes_one_case(bench: Bench) -> None:
    await charged(bench, gross=False)
    await take_back(bench, str((await bench.row())["id"]), 10_000)
    await bench.work()
    foreign = replace(bench.stripe.refunds[0], id="re_foreign", metadata={})
    for _ in range(2):
        async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
            assert not await refund_changed(session, foreign)
    assert await open_cases(bench) == ["foreign_refund"]


@pytest.mark.parametrize("gross", [False, True])
async def test_many_parts_give_back_exactly_the_whole(bench: Bench, gross: bool) -> None:
    commission = await charged(bench, gross=gross)
    parts = [1, 2, 2, 3, 333, 333, 334, 4_492, 4_500]
    assert sum(parts) == 10_000
    for number, part in enumerate(parts):
        await take_back(bench, commission, part, reversal=f"rev-{number}")
    await bench.work(rounds=12)
    row = await bench.row()
    assert (row["state"], row["refunded_minor"]) == ("refunded", 10_000 if gross else 2_000)
    assert row["reversed_minor"] == (8_000 if gross else 0)
    assert set(await balances(bench)) == {
        "asset:stripe_balance",
        "expense:processor_fees",
    }


async def test_a_refund_that_fails_while_the_rest_is_sent_waits_for_it(bench: Bench) -> None:
    commission = await charged(bench, gross=True, transferred=False)
    await take_back(bench, commission, 5_000)
    await bench.work()
    await bench.payout_account(active=True)
    async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
        await resume_transfers(session, "usr_a")
    bench.stripe.fail["create_transfer", "after"] = [unknown()]
    await bench.work(rounds=1)
    assert (await bench.row())["state"] == "transfer_unknown"
    failed = replace(bench.stripe.refunds[0], status="failed", failure_reason="closed")
    with pytest.raises(RetryLater):
        async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
            await refund_changed(session, failed)
    await bench.work()
    async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
        await refund_changed(session, failed)
    row = await bench.row()
    assert (row["state"], row["refunded_minor"]) == ("reversal_needed", 0)
