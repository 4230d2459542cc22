"""A seller may object before a fee is asked for: a standing objection holds it back, whoever is quicker."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from door import Browser, Door, Street, bearer, opened, settings_of
from engine import Engine
from factories import confirmed, reversed_
from fakes.payments_fake import FakePayments
from sqlalchemy.exc import DBAPIError

from opside_chassis.database import Database
from opside_chassis.jobs import drain
from opside_chassis.testing.plugin import Signing

WHY = "I had claimed this myself in May"


@pytest_asyncio.fixture(loop_scope="session")
async def door(
    committed_database: Database, signing: Signing, street: Street
) -> AsyncIterator[Door]:
    """main-api where sellers have three days to object."""
    settings = settings_of(signing, commission_review_days=3, **street.urls())
    async with opened(Door(settings, committed_database, signing)) as running:
        yield running


@pytest.fixture
def engine(door: Door, street: Street) -> Engine:
    payments = FakePayments(door.signing.ring)
    street.payments.answer = payments
    return Engine(door, payments)


@pytest_asyncio.fixture(loop_scope="session")
async def seller(browser: Browser, engine: Engine) -> str:
    """Signed in, with one recovery of 100.00 USD under review."""
    await browser.sign_in()
    user_id: str = (await browser.me()).json()["userId"]
    await engine.tell(confirmed(user_id=user_id))
    await drain(engine.workshop)
    return user_id


async def object_to(
    browser: Browser, recovery_id: str = "777", reason: str = WHY
) -> httpx.Response:
    return await browser.send(
        "POST", f"/api/billing/recoveries/{recovery_id}/objection", json={"reason": reason}
    )


async def decide(
    door: Door, engine: Engine, outcome: str, note: str = "looked into it"
) -> httpx.Response:
    await engine.execute(
        "INSERT INTO users VALUES ('usr_admin', 'amzn-admin', '', '', 'admin') ON CONFLICT DO NOTHING"
    )
    await engine.execute(
        "INSERT INTO sessions (id, user_id, csrf_token, user_agent, expires_at)"
        " VALUES ('ses_admin', 'usr_admin', '', '', now() + interval '1 day') ON CONFLICT DO NOTHING"
    )
    token = door.user_token("usr_admin", role="admin", session_id="ses_admin")
    async with door.client(headers=bearer(token)) as client:
        [waiting] = (await client.get("/api/admin/objections")).json()["items"] or [
            {
                "objectionId": (await engine.rows("SELECT recovery_row_id FROM objections"))[0][
                    "recovery_row_id"
                ]
            }
        ]
        return await client.post(
            f"/api/admin/objections/{waiting['objectionId']}/decision",
            json={"outcome": outcome, "note": note},
        )


async def line(browser: Browser) -> dict[str, Any]:
    [found] = (await browser.http.get("/api/billing/recoveries")).json()["items"]
    return dict(found)


async def on_statement(browser: Browser, door: Door) -> dict[str, str]:
    """The recovery's row of the CSV file."""
    days = {"from": "2026-01-01", "to": "2026-12-31"}
    answer = await browser.http.get("/api/statements", params=days, headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    return next(row for row in rows if row["record"] == "line")


async def test_no_fee_is_asked_for_while_the_seller_may_object(
    engine: Engine, browser: Browser, seller: str, door: Door
) -> None:
    assert engine.payments.charges == {}
    shown = await line(browser)
    assert shown["reviewUntil"] == (door.clock.now + timedelta(days=3)).isoformat().replace(
        "+00:00", "Z"
    )
    await engine.work()
    assert list(engine.payments.charges) == ["txn_777"]
    assert (await line(browser))["rateBp"] == 2_000


async def test_an_objection_holds_the_fee_back_and_upheld_it_is_gone_for_good(
    engine: Engine, browser: Browser, seller: str, door: Door
) -> None:
    answer = await object_to(browser)
    assert (answer.status_code, answer.json()["objection"]) == (201, WHY)
    await engine.work(rounds=2)
    assert engine.payments.charges == {}
    assert (await on_statement(browser, door))["objection"] == "open"
    decided = await decide(door, engine, "upheld", "you are right")
    assert (decided.status_code, decided.json()["outcome"]) == (200, "upheld")
    assert (await decide(door, engine, "upheld")).status_code == 200
    assert (await decide(door, engine, "rejected")).status_code == 409
    await engine.work(rounds=2)
    shown = await line(browser)
    assert engine.payments.charges == {}
    assert (shown["objectionOutcome"], shown["objectionNote"]) == ("upheld", "you are right")
    assert shown["notChargedReason"] == "the seller's objection was upheld"
    assert (shown["feeCents"], shown["transactionId"]) == (0, None)
    told = await on_statement(browser, door)
    assert (told["objection"], told["why_no_fee"]) == ("upheld", shown["notChargedReason"])
    assert datetime.fromisoformat(told["review_until"]) == door.clock.now + timedelta(days=3)


async def test_a_rejected_objection_is_followed_by_the_fee(
    engine: Engine, browser: Browser, seller: str, door: Door
) -> None:
    await object_to(browser)
    await engine.work()
    assert (await decide(door, engine, "rejected")).status_code == 200
    await drain(engine.workshop)
    assert engine.payments.charges == {}, "the days to object are the seller's in any case"
    await engine.work(rounds=2)
    assert list(engine.payments.charges) == ["txn_777"]
    assert (await engine.jobs())["request_commission done"] == 2
    assert await engine.failures() == 0


async def test_a_second_objection_changes_no_word_of_the_first(
    browser: Browser, seller: str
) -> None:
    await object_to(browser)
    again = await object_to(browser, reason="something else")
    assert (again.status_code, again.json()["objection"]) == (201, WHY)


@pytest.mark.parametrize("late", ["asked", "over", "not billable", "taken back"])
async def test_too_late_is_said_as_such(
    engine: Engine, browser: Browser, seller: str, door: Door, late: str
) -> None:
    recovery_id = "777"
    if late == "asked":
        await engine.work()
    elif late == "over":
        door.clock.now += timedelta(days=3)
    elif late == "not billable":
        recovery_id = "778"
        await engine.tell(
            confirmed(
                user_id=seller, recovery_id="778", billable=False, not_billable_reason="before us"
            )
        )
        await drain(engine.workshop)
    else:
        await engine.tell(reversed_(user_id=seller, amount_minor=10_000))
        await drain(engine.workshop)
        await engine.work()
    answer = await object_to(browser, recovery_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_late_to_object")


async def test_what_amazon_took_back_whole_before_the_fee_costs_nothing(
    engine: Engine, browser: Browser, seller: str
) -> None:
    await engine.tell(reversed_(user_id=seller, amount_minor=10_000))
    await drain(engine.workshop)
    await engine.work(rounds=3)
    assert (engine.payments.charges, engine.payments.clawbacks) == ({}, {})
    assert "took all of it back" in (await line(browser))["notChargedReason"]
    assert {name.split()[1] for name in await engine.jobs()} == {"done"}


async def test_what_amazon_took_back_in_part_waits_for_the_fee_then_gives_its_share_back(
    engine: Engine, seller: str
) -> None:
    await engine.tell(reversed_(user_id=seller))
    await drain(engine.workshop)
    assert (await engine.jobs())["request_clawback waiting"] == 1
    await engine.work(rounds=2)
    assert list(engine.payments.charges) == ["txn_777"]
    assert list(engine.payments.clawbacks) == ["888"]
    assert await engine.failures() == 0


async def test_of_an_objection_and_the_fee_one_comes_first(
    engine: Engine, browser: Browser, seller: str
) -> None:
    """Twenty sellers' worth of races: never a fee against a standing objection."""
    numbers = [str(number) for number in range(20)]
    for number in numbers:
        await engine.tell(
            confirmed(user_id=seller, recovery_id=number, event_id=f"evt_race_{number}")
        )
    await drain(engine.workshop)
    answers, _ = await asyncio.gather(
        asyncio.gather(*(object_to(browser, number) for number in numbers)), engine.work()
    )
    await engine.work(rounds=2)
    for number, answer in zip(numbers, answers, strict=True):
        assert answer.status_code in {201, 409}
        assert (answer.status_code == 409) == (f"txn_{number}" in engine.payments.charges)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE recoveries SET requested_at = now(), collection = 'fee_only'",
        "UPDATE objections SET reason = 'other words'",
        "UPDATE objections SET outcome = 'upheld'",
        "UPDATE objections SET outcome = 'maybe', note = 'x', decided_by = 'x', decided_at = now()",
        "DELETE FROM objections",
    ],
)
async def test_the_database_keeps_a_standing_objection(
    engine: Engine, browser: Browser, seller: str, statement: str
) -> None:
    await object_to(browser)
    with pytest.raises(DBAPIError, match=r"holds the fee back|keeps its words|denied|check constr"):
        await engine.execute(statement)


async def test_neighbours_and_nonsense_are_refused(
    engine: Engine, browser: Browser, seller: str
) -> None:
    await engine.tell(confirmed(user_id="usr_other", recovery_id="999", event_id="evt_other"))
    await drain(engine.workshop)
    assert (await object_to(browser, "999")).status_code == 404
    assert (await object_to(browser, reason="")).status_code == 422
    assert (await object_to(browser, reason="x" * 2_001)).status_code == 422
    assert (await object_to(browser, reason="nul\x00")).status_code in {400, 422}
