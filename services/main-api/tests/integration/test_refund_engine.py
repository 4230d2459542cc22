"""A confirmed recovery leads to one fee, and a reversal to one clawback, whatever happens on the way."""

import asyncio

import pytest
from door import Door
from engine import AFTER, AFTER_CALL, BEFORE, Engine
from factories import USER, commission, confirmed, reversed_
from fakes.payments_fake import problem

from opside_chassis.jobs import drain
from opside_chassis.leases import MAX_FAILURES
from opside_contracts.payments.messages import Collection, CommissionStatus


async def test_a_recovery_becomes_a_fee_and_the_fee_is_followed(engine: Engine) -> None:
    await engine.tell(confirmed())
    await engine.work()
    [asked] = engine.payments.charges.values()
    assert (asked.user_id, asked.claim_id, asked.recovery_id) == (USER, "clm_1", "777")
    assert (asked.amount_recovered_cents, asked.currency) == (10_000, "usd")
    row = await engine.recovery()
    assert (row["transaction_id"], row["fee_minor"], row["settled"]) == ("txn_777", 2_000, False)
    await engine.tell(commission(1, status=CommissionStatus.PROCESSING, settled=False))
    await engine.tell(commission(2))
    await engine.work()
    row = await engine.recovery()
    assert (row["commission_status"], row["collected_minor"], row["settled"]) == (
        "charged",
        2_000,
        True,
    )


async def test_what_amazon_paid_without_us_is_kept_and_never_charged(engine: Engine) -> None:
    await engine.tell(confirmed(billable=False, not_billable_reason="paid before the case"))
    await engine.tell(reversed_())
    await engine.work(rounds=2)
    assert engine.payments.token_ids == []
    row = await engine.recovery()
    assert (row["reversed_minor"], row["fee_minor"]) == (4_000, 0)
    assert await engine.jobs() == {"apply_event done": 2}


async def test_the_same_recovery_under_another_event_id_is_charged_once(engine: Engine) -> None:
    events = [confirmed(event_id=f"evt_{number}") for number in range(5)]
    async with asyncio.TaskGroup() as senders:
        for event in events:
            senders.create_task(engine.tell(event))
    await engine.race()
    await engine.work(rounds=2)
    assert list(engine.payments.charges) == ["txn_777"]
    assert await engine.jobs() == {"apply_event done": 5, "request_commission done": 1}
    assert await engine.failures() == 0


async def test_the_same_reimbursement_id_of_two_sellers_is_two_recoveries(engine: Engine) -> None:
    await engine.tell(confirmed(event_id="evt_a"))
    await engine.tell(confirmed(event_id="evt_b", user_id="usr_b"))
    await engine.work()
    assert (await engine.jobs())["request_commission done"] == 2


async def test_events_of_a_fee_may_come_in_any_order(engine: Engine) -> None:
    await engine.tell(confirmed())
    await engine.work()
    await engine.tell(commission(3, refunded_cents=500, status=CommissionStatus.REFUNDED))
    await engine.tell(commission(1, status=CommissionStatus.FAILED, collected_cents=0))
    await engine.tell(commission(2))
    await engine.work()
    row = await engine.recovery()
    assert (row["commission_version"], row["refunded_minor"]) == (3, 500)
    assert row["commission_status"] == "refunded"
    assert await engine.failures() == 0


async def test_an_event_that_overtakes_its_own_answer_is_not_undone(engine: Engine) -> None:
    async def news() -> None:
        await engine.tell(commission(7, platform_fee_cents=1_900, collected_cents=1_900))
        await drain(engine.workshop)

    engine.meanwhile.append(news)
    await engine.tell(confirmed())
    await engine.work()
    row = await engine.recovery()
    assert (row["commission_version"], row["fee_minor"]) == (7, 1_900)


async def test_payments_is_not_asked_again_once_its_answer_is_kept(engine: Engine) -> None:
    for event, calls in ((confirmed(), 1), (reversed_(), 2)):
        await engine.tell(event)
        await drain(engine.workshop)
        await engine.execute("UPDATE outbox SET status = 'waiting' WHERE kind LIKE 'request%'")
        await engine.work()
        assert len(engine.payments.token_ids) == calls


async def test_a_worker_that_was_taken_for_dead_writes_nothing(engine: Engine) -> None:
    async def takeover() -> None:
        await engine.execute("UPDATE outbox SET attempt = attempt + 1 WHERE status = 'leased'")

    engine.meanwhile.append(takeover)
    await engine.tell(confirmed())
    await drain(engine.workshop)
    assert (await engine.recovery())["transaction_id"] is None
    await engine.work()
    assert (await engine.recovery())["transaction_id"] == "txn_777"


async def test_a_reversal_gives_the_fee_back_once(engine: Engine) -> None:
    await engine.tell(confirmed())
    await engine.work()
    await engine.tell(reversed_())
    await engine.tell(reversed_(event_id="evt_again"))
    await engine.work(rounds=3)
    [asked] = engine.payments.clawbacks.values()
    assert (asked.transaction_id, asked.refund_amount_cents) == ("txn_777", 4_000)
    assert (await engine.recovery())["reversed_minor"] == 4_000
    [row] = await engine.rows("SELECT clawed_back_at FROM reversals")
    assert row["clawed_back_at"] is not None


async def test_a_reversal_waits_until_there_is_a_fee_to_give_back(engine: Engine) -> None:
    engine.payments.before = [problem(503)] * 3
    await engine.tell(confirmed())
    await engine.tell(reversed_())
    await engine.work()
    assert engine.payments.clawbacks == {}
    await engine.work(rounds=2)
    assert list(engine.payments.charges) == ["txn_777"]
    assert list(engine.payments.clawbacks) == ["888"]


async def test_two_reversals_are_two_clawbacks(engine: Engine) -> None:
    await engine.tell(confirmed())
    for number in (1, 2):
        await engine.tell(reversed_(reversal_id=f"r-{number}", amount_minor=1_000 * number))
    await engine.work(rounds=2)
    amounts = {name: asked.refund_amount_cents for name, asked in engine.payments.clawbacks.items()}
    assert amounts == {"r-1": 1_000, "r-2": 2_000}
    assert (await engine.recovery())["reversed_minor"] == 3_000


@pytest.mark.parametrize("reversal_id", ["888", "a b/c", "ü" * 200, "x" * 200])
async def test_any_reversal_id_makes_a_key_that_payments_takes(
    engine: Engine, door: Door, reversal_id: str
) -> None:
    await engine.tell(confirmed())
    await engine.tell(reversed_(reversal_id=reversal_id, event_id="evt_r"))
    await engine.work(rounds=2)
    assert list(engine.payments.clawbacks) == [reversal_id]


async def test_nothing_is_lost_while_payments_is_down(engine: Engine) -> None:
    engine.payments.before = [problem(503)] * 15  # three tries a run
    await engine.tell(confirmed())
    await engine.work(rounds=5)
    assert engine.payments.charges == {}
    assert (await engine.jobs())["request_commission waiting"] == 1
    await engine.work()
    assert list(engine.payments.charges) == ["txn_777"]
    assert (await engine.recovery())["transaction_id"] == "txn_777"


async def test_an_answer_that_was_lost_is_asked_for_again_under_the_same_key(
    engine: Engine,
) -> None:
    engine.payments.after = [problem(502)] * 3
    await engine.tell(confirmed())
    await engine.work(rounds=2)
    assert len(engine.payments.charges) == 1
    assert (await engine.recovery())["transaction_id"] == "txn_777"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 429, 500])
async def test_what_payments_refuses_ends_as_a_case(engine: Engine, status: int) -> None:
    engine.payments.before = [problem(status, "never")] * 3 * MAX_FAILURES
    await engine.tell(confirmed())
    await engine.work(rounds=MAX_FAILURES)
    assert engine.payments.charges == {}
    [case] = await engine.rows("SELECT kind FROM cases")
    assert case["kind"] == "parked:request_commission"
    row = await engine.recovery()
    assert (row["transaction_id"], row["collected_minor"]) == (None, 0)


async def test_a_mode_changed_between_two_tries_changes_no_request(engine: Engine) -> None:
    await engine.execute("INSERT INTO users VALUES ('usr_a', 'amzn', '', '', 'user', 'gross')")
    engine.payments.after = [problem(502)] * 3
    await engine.tell(confirmed())
    await engine.work()
    await engine.execute("UPDATE users SET collection_mode = 'fee_only'")
    await engine.work()
    [asked] = engine.payments.charges.values()
    assert asked.collection is Collection.GROSS
    assert (await engine.recovery())["transaction_id"] == "txn_777"


@pytest.mark.parametrize("moment", [BEFORE, AFTER_CALL, AFTER])
@pytest.mark.parametrize("deaths", [1, 3])
async def test_a_worker_may_die_at_any_moment(engine: Engine, moment: str, deaths: int) -> None:
    engine.dies += [moment] * deaths
    await engine.tell(confirmed())
    await engine.tell(reversed_())
    await engine.work(rounds=deaths + 4)
    assert engine.dies == []
    assert list(engine.payments.charges) == ["txn_777"]
    assert list(engine.payments.clawbacks) == ["888"]
    row = await engine.recovery()
    assert (row["transaction_id"], row["reversed_minor"]) == ("txn_777", 4_000)
    assert {name.split()[1] for name in await engine.jobs()} == {"done"}
