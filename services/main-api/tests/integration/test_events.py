"""Events of the other services: who may tell what, kept once, applied once, never swallowed."""

from datetime import timedelta
from typing import Any

import pytest
from door import INTEGRATIONS, PAYMENTS, Door, bearer
from engine import Engine
from factories import MOMENT, USER, commission, confirmed, connection, reversed_

from opside_chassis.leases import MAX_FAILURES
from opside_contracts.events import Event
from opside_contracts.integrations.messages import ConnectionStatus

EVENTS = (confirmed(), reversed_(), connection(), commission())


async def post(door: Door, event: Event | dict[str, Any], token: str) -> tuple[int, str]:
    body = event if isinstance(event, dict) else event.model_dump(mode="json", by_alias=True)
    async with door.client() as client:
        answer = await client.post("/internal/events", json=body, headers=bearer(token))
    return answer.status_code, answer.text


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
@pytest.mark.parametrize("sender", [INTEGRATIONS, PAYMENTS, "main-api"])
async def test_each_service_speaks_of_its_own_things_only(
    door: Door, event: Event, sender: str
) -> None:
    token = door.service_token(sender, "events:publish", act_for=USER)
    owner = PAYMENTS if event.type == "commission.changed" else INTEGRATIONS
    status, _ = await post(door, event, token)
    assert status == (202 if sender == owner else 403)


async def test_a_token_speaks_of_one_user(door: Door) -> None:
    for acting in ({"act_for": "usr_b"}, {}):
        token = door.service_token(INTEGRATIONS, "events:publish", **acting)
        assert (await post(door, confirmed(), token))[0] == 403


@pytest.mark.parametrize(
    "change",
    [
        {"type": "recovery.invented"},
        {"type": None},
        {"amountMinor": 0},
        {"amountMinor": -1},
        {"amountMinor": "10000"},
        {"amountMinor": 100.0},
        {"amountMinor": 10**12},
        {"currency": "dollars"},
        {"eventId": ""},
        {"billable": "yes"},
        {"approvedAt": "yesterday"},
    ],
)
async def test_a_malformed_event_is_refused_and_not_kept(
    door: Door, engine: Engine, change: dict[str, Any]
) -> None:
    token = door.service_token(INTEGRATIONS, "events:publish", act_for=USER)
    body = confirmed().model_dump(mode="json", by_alias=True) | change
    status, text = await post(door, body, token)
    assert status == 422, text
    assert await engine.rows("SELECT 1 FROM inbox") == []


async def test_an_event_is_kept_once_by_its_id(engine: Engine) -> None:
    receipts = [await engine.tell(confirmed()) for _ in range(3)]
    assert [receipt.repeated for receipt in receipts] == [False, True, True]
    await engine.work()
    assert (await engine.jobs())["apply_event done"] == 1


async def test_two_sellers_may_have_a_reimbursement_of_the_same_number(engine: Engine) -> None:
    """Event ids are made of Amazon's numbers, and whose is the first must not matter."""
    sellers = ("usr_b", USER)
    for user_id in sellers:
        event = confirmed(event_id="777:confirmed", user_id=user_id)
        assert [(await engine.tell(event)).repeated for _ in range(2)] == [False, True]
    await engine.work()
    kept = await engine.rows("SELECT user_id FROM recoveries")
    assert {row["user_id"] for row in kept} == set(sellers)


async def test_the_latest_state_of_a_connection_stays(engine: Engine) -> None:
    later = connection(
        event_id="evt_2", status=ConnectionStatus.RECONNECT, occurred_at=MOMENT + timedelta(1)
    )
    for event in (later, connection()):
        await engine.tell(event)
        await engine.work()
    [row] = await engine.rows("SELECT status FROM integration_status")
    assert row["status"] == "reconnect"


CONTRADICTIONS = {
    "another amount": confirmed(event_id="evt_x", amount_minor=9_999),
    "another currency": confirmed(event_id="evt_x", currency="eur"),
    "reversed in another currency": reversed_(currency="eur"),
    "a reversal with another amount": reversed_(event_id="evt_x", amount_minor=1),
    "a reversal of something else": reversed_(event_id="evt_x", recovery_id="778"),
    "another commission": commission(2, transaction_id="txn_other"),
    "a fee above the recovery": commission(2, platform_fee_cents=10_001),
    "more transferred than collected": commission(2, transferred_cents=2_001),
}


@pytest.mark.parametrize("event", CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
async def test_a_contradiction_changes_nothing_and_becomes_a_case(
    engine: Engine, event: Event
) -> None:
    known = [confirmed(), confirmed(recovery_id="778"), commission()]
    if event.event_id == "evt_x" and event.type == "recovery.reversed":
        known.append(reversed_())
    for told in known:
        await engine.tell(told)
        await engine.work(rounds=2)
    before = await engine.rows("SELECT * FROM recoveries ORDER BY id")
    await engine.tell(event)
    await engine.work(rounds=MAX_FAILURES)
    assert await engine.rows("SELECT * FROM recoveries ORDER BY id") == before
    [case] = await engine.rows("SELECT kind, reason FROM cases")
    assert case["kind"] == "parked:apply_event"
    [row] = await engine.rows("SELECT status FROM inbox WHERE event_id = :id", id=event.event_id)
    assert row["status"] == "received"


@pytest.mark.parametrize("event", [reversed_(), commission()], ids=lambda event: event.type)
async def test_an_event_of_an_unknown_recovery_waits_for_it(engine: Engine, event: Event) -> None:
    await engine.tell(event)
    await engine.work(rounds=3)
    assert (await engine.jobs()) == {"apply_event waiting": 1}
    await engine.tell(confirmed())
    await engine.work(rounds=3)
    assert (await engine.jobs())["apply_event done"] == 2
    assert await engine.rows("SELECT 1 FROM cases") == []


async def test_what_waits_in_vain_becomes_a_case(engine: Engine) -> None:
    await engine.tell(reversed_())
    await engine.work(rounds=MAX_FAILURES)
    [case] = await engine.rows("SELECT reason FROM cases")
    assert "777 is not known yet" in case["reason"]
