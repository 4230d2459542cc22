"""A request whose key is of no use any more: only two empty lists an hour apart let another key be used."""

from datetime import UTC, datetime, timedelta

import pytest
from factories.clawback_acts import charged, clawbacks, open_cases, take_back
from factories.commission_bench import GROSS, Bench, ask
from fakes.stripe_fake import GOOD, Crash, unknown
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from opside_chassis.database import EVERY_TENANT, transaction
from stripe_payments.stripe_api.asking import KEY_LIVES, LISTS_APART, Turn, turn
from stripe_payments.stripe_api.errors import OutcomeUnknown, Refused

OPERATIONS = {"create_transfer": "t:", "reverse_transfer": "v:", "refund": "r:"}
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def saved() -> OutcomeUnknown:
    """A 500 that an earlier request with this key got."""
    return OutcomeUnknown("APIError 500", saved=True)


async def begin(bench: Bench, operation: str) -> str:
    """A gross commission whose next call is `operation`; answers the commission's id."""
    if operation == "create_transfer":
        await bench.save_card(GOOD)
        await bench.payout_account(active=True)
        await ask(bench.api, GROSS)
        return str((await bench.row())["id"])
    commission = await charged(bench, gross=True)
    await take_back(bench, commission, 5_000)
    return commission


def keys(bench: Bench, operation: str) -> list[str]:
    """The last part of each key that was used for it."""
    prefix = OPERATIONS[operation]
    return [key.rpartition(":")[2] for key in bench.stripe.asked if key.startswith(prefix)]


def effects(bench: Bench) -> tuple[int, int, int]:
    stripe = bench.stripe
    return len(stripe.transfers), len(stripe.reversals), len(stripe.refunds)


async def at_rest(bench: Bench, operation: str) -> bool:
    row = await bench.row()
    if operation == "create_transfer":
        return bool(row["state"] == "settled" and row["transferred_minor"] == 8_000)
    return bool(row["state"] == "settled" and row["refunded_minor"] == 5_000)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_saved_failure_before_the_effect_needs_two_empty_lists(
    bench: Bench, operation: str
) -> None:
    bench.stripe.fail[operation, "before"] = [unknown(), saved()]
    await begin(bench, operation)
    await bench.work()
    assert not await at_rest(bench, operation)
    assert bench.stripe.fail[operation, "before"] == []
    calls = bench.stripe.calls.count(operation)
    await bench.wait(hours=0.9)
    assert (bench.stripe.calls.count(operation), keys(bench, operation)) == (calls, [])
    await bench.wait(hours=0.2)
    assert await at_rest(bench, operation)
    assert keys(bench, operation) == ["2"]
    assert effects(bench) == ((1, 0, 0) if operation == "create_transfer" else (1, 1, 1))


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("failures", [[unknown(), saved()], [saved()], [unknown()], [Crash()]])
async def test_an_effect_behind_a_lost_or_saved_failure_is_found(
    bench: Bench, operation: str, failures: list[BaseException]
) -> None:
    bench.stripe.fail[operation, "after"] = list(failures)
    await begin(bench, operation)
    await bench.work()
    assert await at_rest(bench, operation)
    assert keys(bench, operation) == ["1"]
    assert effects(bench) == ((1, 0, 0) if operation == "create_transfer" else (1, 1, 1))


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_an_effect_that_shows_between_the_two_lists_is_taken_over(
    bench: Bench, operation: str
) -> None:
    """Stripe's own clean-up after a 500 may still make the object: the reason for the hour."""
    bench.stripe.fail[operation, "after"] = [unknown(), saved()]
    listed = {"create_transfer": "transfers", "reverse_transfer": "reversals", "refund": "refunds"}
    hidden: list[object] = []
    lists = getattr(bench.stripe, listed[operation])
    original = bench.stripe._point

    def hide(called: str, where: str) -> None:
        if called == operation and where == "after":
            hidden.extend(lists)
            lists.clear()
        original(called, where)

    bench.stripe._point = hide  # type: ignore[method-assign]
    await begin(bench, operation)
    await bench.work(rounds=3)
    assert not await at_rest(bench, operation)
    bench.stripe._point = original  # type: ignore[method-assign]
    lists.append(hidden[0])
    await bench.wait(hours=2)
    assert await at_rest(bench, operation)
    assert keys(bench, operation) == ["1"]


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_key_that_stripe_may_have_forgotten_is_not_used_again(
    bench: Bench, operation: str
) -> None:
    bench.stripe.fail[operation, "before"] = [unknown()] * 100
    await begin(bench, operation)
    await bench.work()
    bench.stripe.fail[operation, "before"] = [unknown()]
    await bench.wait(hours=21)
    assert bench.stripe.fail[operation, "before"] != []
    await bench.wait(hours=2)
    assert await at_rest(bench, operation)
    assert keys(bench, operation) == ["2"]


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_key_of_other_parameters_proves_nothing(bench: Bench, operation: str) -> None:
    bench.stripe.fail[operation, "before"] = [Refused("idempotency_error", "other parameters")]
    await begin(bench, operation)
    await bench.work()
    assert not await at_rest(bench, operation)
    assert await open_cases(bench) == []
    await bench.wait(hours=2)
    assert await at_rest(bench, operation)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_crash_after_any_list_or_key_changes_nothing(bench: Bench, operation: str) -> None:
    looks = {
        "create_transfer": "transfers_of",
        "reverse_transfer": "reversals_of",
        "refund": "refunds_of",
    }
    bench.stripe.fail[operation, "before"] = [unknown(), saved(), Crash()]
    await begin(bench, operation)
    for hours in (0.1, 0.5, 0.6, 0.1, 1.0, 1.1):
        bench.stripe.fail[looks[operation], "before"] = [Crash()]
        await bench.wait(hours=hours)
    assert await at_rest(bench, operation)
    assert effects(bench) == ((1, 0, 0) if operation == "create_transfer" else (1, 1, 1))


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_who_fails_five_keys_long_is_shown_to_a_person(bench: Bench, operation: str) -> None:
    bench.stripe.fail[operation, "before"] = [saved()] * 6
    await begin(bench, operation)
    for _ in range(7):
        await bench.wait(hours=1.1)
    assert await at_rest(bench, operation)
    assert await open_cases(bench) == ["asked_in_vain"]
    assert keys(bench, operation) == ["7"]


async def test_each_step_stands_in_the_audit_trail(bench: Bench) -> None:
    bench.stripe.fail["create_transfer", "before"] = [unknown(), saved()]
    commission = await begin(bench, "create_transfer")
    await bench.work()
    await bench.wait(hours=2)
    async with transaction(bench.sessions, tenant=EVERY_TENANT, role="payments_auditor") as session:
        trail = await session.execute(
            text(
                "SELECT figures->>'transferKey', figures->>'transferUnseen' IS NOT NULL"
                " FROM transaction_audit WHERE object_id = :id ORDER BY id"
            ),
            {"id": commission},
        )
        steps = list(dict.fromkeys(tuple(row) for row in trail))
    assert steps == [("0", False), ("1", False), ("1", True), ("2", False)]


HOSTILE = (
    "UPDATE {table} SET {number} = {number} + 1",
    "UPDATE {table} SET {number} = {number} + 1, {asked} = now()",
    "UPDATE {table} SET {number} = {number} + 1, {asked} = {unseen} + interval '59 minutes'",
    "UPDATE {table} SET {number} = {number} + 2, {asked} = {unseen} + interval '1 day'",
    "UPDATE {table} SET {number} = {number} - 1",
    "UPDATE {table} SET {unseen} = {unseen} - interval '1 hour'",
    "UPDATE {table} SET {unseen} = NULL",
    "UPDATE {table} SET {asked} = now()",
)


@pytest.mark.parametrize("statement", HOSTILE)
@pytest.mark.parametrize("operation", ["create_transfer", "refund"])
async def test_the_database_refuses_the_next_key_before_its_time(
    bench: Bench, operation: str, statement: str
) -> None:
    bench.stripe.fail[operation, "before"] = [unknown(), saved()]
    await begin(bench, operation)
    await bench.work()
    transfer = operation == "create_transfer"
    names = (
        {"table": "commissions", "number": "transfer_number", "asked": "transfer_asked_at"}
        if transfer
        else {"table": "clawbacks", "number": "attempt", "asked": "asked_at"}
    )
    change = statement.format(**names, unseen="transfer_unseen_at" if transfer else "unseen_at")
    with pytest.raises(DBAPIError, match=r"key|list"):
        async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
            await session.execute(text(change))


@given(
    st.timedeltas(timedelta(0), timedelta(days=3)), st.timedeltas(timedelta(0), timedelta(days=3))
)
def test_the_next_key_never_comes_before_an_hour_without_anything_seen(
    since_asked: timedelta, since_unseen: timedelta
) -> None:
    unseen = turn(asked_at=NOW - since_asked, unseen_at=NOW - since_unseen, now=NOW)
    assert (unseen is Turn.NEXT_KEY) == (since_unseen >= LISTS_APART)
    assert unseen in {Turn.NEXT_KEY, Turn.WAIT}
    asked = turn(asked_at=NOW - since_asked, unseen_at=None, now=NOW)
    assert asked is (Turn.NOTE_UNSEEN if since_asked >= KEY_LIVES else Turn.ASK)


async def test_a_clawback_keeps_the_row_it_asked_under(bench: Bench) -> None:
    bench.stripe.fail["reverse_transfer", "before"] = [unknown(), saved()]
    await begin(bench, "reverse_transfer")
    await bench.work()
    [row] = await clawbacks(bench)
    assert (row["state"], row["attempt"], row["unseen_at"] is not None) == ("reversing", 1, True)
    await bench.wait(hours=2)
    [row] = await clawbacks(bench)
    assert (row["state"], row["attempt"], row["unseen_at"]) == ("succeeded", 2, None)
