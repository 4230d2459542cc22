"""A seller is told each thing once: in the app at once, by e-mail in one letter about everything new."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from door import Browser, Door, Street, opened, settings_of
from engine import AFTER, Engine
from factories import commission, confirmed, connection, reversed_
from fakes.amazon_login_fake import BEN
from fakes.mail_fake import FakeMailer
from fakes.payments_fake import FakePayments
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from main_api.mail_api.errors import AddressRefused, MailUnavailable
from main_api.notifications.rules import GRACE, Kind, letter_due, letter_subject, letter_text
from opside_chassis.database import Database
from opside_chassis.jobs import drain
from opside_chassis.testing.plugin import Signing
from opside_contracts.events import CasesFound
from opside_contracts.integrations.messages import ConnectionStatus
from opside_contracts.payments.messages import CommissionStatus, NextStep


@pytest.fixture
def mailer() -> FakeMailer:
    return FakeMailer()


@pytest_asyncio.fixture(loop_scope="session")
async def door(
    committed_database: Database, signing: Signing, street: Street, mailer: FakeMailer
) -> AsyncIterator[Door]:
    """main-api with a mail server."""
    settings = settings_of(signing, mail_url="smtp://127.0.0.1:9", **street.urls())
    made = Door(settings, committed_database, signing, mailer=mailer)
    async with opened(made) as running:
        yield running


@pytest.fixture
def engine(door: Door, street: Street) -> Engine:
    payments = FakePayments(door.signing.ring)
    street.payments.answer = payments
    return Engine(door, payments)


@pytest_asyncio.fixture(loop_scope="session")
async def seller(browser: Browser) -> str:
    await browser.sign_in()
    user_id: str = (await browser.me()).json()["userId"]
    return user_id


async def feed(browser: Browser, **query: str) -> dict[str, Any]:
    answer = await browser.http.get("/api/notifications", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def kinds(browser: Browser) -> list[str]:
    return [one["kind"] for one in (await feed(browser))["items"]]


def found(user_id: str, **changes: Any) -> CasesFound:
    values: dict[str, Any] = {
        "event_id": "evt_found",
        "occurred_at": datetime(2026, 11, 1, tzinfo=UTC),
        "user_id": user_id,
        "sync_id": "syn_1",
        "cases": 3,
        "quantity": 7,
        "known_value_minor": 12_345,
        "currency": "usd",
    }
    return CasesFound(**values | changes)


async def test_every_step_of_a_recovery_is_told_once(
    engine: Engine, browser: Browser, seller: str, mailer: FakeMailer, door: Door
) -> None:
    back = commission(2, user_id=seller, status=CommissionStatus.REFUNDED, refunded_cents=800)
    for event in (
        *(found(seller), confirmed(user_id=seller), commission(1, user_id=seller)),
        *(reversed_(user_id=seller), back),
    ) * 2:
        await engine.tell(event)
        await engine.work(rounds=2)
        door.clock.now += timedelta(minutes=10)
    assert sorted(await kinds(browser)) == sorted(
        ["found", "paid", "charged", "taken_back", "fee_given_back"]
    )
    told = " ".join(letter.subject + letter.text for letter in mailer.sent)
    for words in ("3 new cases", "123.45 USD", "A fee of 20.00 USD was charged", "8.00 USD given"):
        assert told.count(words) >= 1
    assert "Amazon paid 100.00 USD" not in told, "single payments are in the feed only"
    assert all(letter.to == "ada@example.com" for letter in mailer.sent)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (NextStep.ADD_PAYMENT_METHOD, "Add a card"),
        (NextStep.AUTHENTICATE_PAYMENT, "confirm the payment"),
        (NextStep.REPLACE_PAYMENT_METHOD, "refused"),
        (NextStep.FINISH_ONBOARDING, "payout details"),
    ],
)
async def test_a_fee_that_waits_says_what_to_do(
    engine: Engine, browser: Browser, seller: str, step: NextStep, words: str
) -> None:
    await engine.tell(confirmed(user_id=seller))
    await engine.work()
    for version in (1, 2):
        await engine.tell(
            commission(
                version,
                user_id=seller,
                status=CommissionStatus.PENDING,
                next_step=step,
                settled=False,
                collected_cents=0,
            )
        )
        await engine.work()
    waiting = [one for one in (await feed(browser))["items"] if one["kind"] == "charge_failed"]
    assert len(waiting) == 1, "asking again for the same is no news"
    assert words in waiting[0]["body"]


async def test_old_news_is_no_news(engine: Engine, browser: Browser, seller: str) -> None:
    await engine.tell(confirmed(user_id=seller))
    await engine.work()
    await engine.tell(commission(5, user_id=seller))
    await engine.work()
    failed = commission(2, user_id=seller, status=CommissionStatus.FAILED, collected_cents=0)
    await engine.tell(failed)
    await engine.work()
    assert sorted(await kinds(browser)) == ["charged", "paid"]


async def test_a_withdrawn_grant_is_told_a_new_one_is_not(
    engine: Engine, browser: Browser, seller: str
) -> None:
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    for number, status in enumerate((ConnectionStatus.CONNECTED, ConnectionStatus.RECONNECT)):
        await engine.tell(
            connection(
                user_id=seller,
                status=status,
                event_id=f"evt_{number}",
                occurred_at=moment + timedelta(hours=number),
            )
        )
        await engine.work()
    assert await kinds(browser) == ["reconnect"]


async def test_news_of_ten_minutes_go_out_in_one_letter(
    engine: Engine, seller: str, mailer: FakeMailer
) -> None:
    for number in range(60):
        await engine.tell(found(seller, event_id=f"evt_{number}", sync_id=f"syn_{number}"))
    await drain(engine.workshop)
    assert mailer.sent == [], "it waits for the end of the ten minutes"
    await engine.work(rounds=2)
    [letter] = mailer.sent
    assert letter.subject == "60 news from Opside"
    assert letter.text.count("new cases found") == 50
    assert "And 10 more" in letter.text


async def test_a_letter_is_sent_again_only_when_its_worker_died(
    engine: Engine, seller: str, mailer: FakeMailer, door: Door
) -> None:
    await engine.tell(found(seller))
    await drain(engine.workshop)
    mailer.failures = [MailUnavailable("away"), MailUnavailable("away")]
    await engine.work(rounds=2)
    assert mailer.sent == []
    await engine.work(rounds=3)
    assert len(mailer.sent) == 1
    door.clock.now += timedelta(minutes=10)
    await engine.tell(found(seller, event_id="evt_2", sync_id="syn_2"))
    await drain(engine.workshop)
    engine.dies[:] = [AFTER]
    await engine.work(rounds=3)
    assert len(mailer.sent) == 2, "it had marked the letter as sent before it died"


async def test_an_address_that_is_refused_is_not_tried_for_ever(
    engine: Engine, browser: Browser, seller: str, mailer: FakeMailer
) -> None:
    mailer.failures = [AddressRefused("unknown")] * 5
    await engine.tell(found(seller))
    await engine.work(rounds=3)
    assert len(mailer.failures) == 4
    assert await kinds(browser) == ["found"]
    assert await engine.failures() == 0


async def test_a_seller_chooses_what_comes_by_e_mail(
    engine: Engine, browser: Browser, seller: str, mailer: FakeMailer
) -> None:
    held = (await browser.http.get("/api/notifications/preferences")).json()
    assert held["emailAvailable"] is True
    assert {one["kind"] for one in held["preferences"]} == set(Kind)
    chosen = [{"kind": "found", "byEmail": False}, {"kind": "paid", "byEmail": True}]
    answer = await browser.send(
        "PUT", "/api/notifications/preferences", json={"preferences": chosen}
    )
    assert [one for one in answer.json()["preferences"] if one in chosen] == chosen
    await engine.tell(found(seller))
    await engine.tell(confirmed(user_id=seller))
    await engine.work(rounds=2)
    [letter] = mailer.sent
    assert letter.subject == "Amazon paid 100.00 USD"
    for wrong in ([], [{"kind": "gossip", "byEmail": True}], [{"kind": "found"}]):
        answer = await browser.send(
            "PUT", "/api/notifications/preferences", json={"preferences": wrong}
        )
        assert answer.status_code == 422


async def test_reading_pages_and_counts(engine: Engine, browser: Browser, seller: str) -> None:
    for number in range(5):
        await engine.tell(found(seller, event_id=f"evt_{number}", sync_id=f"syn_{number}"))
        await engine.work()
    first = await feed(browser, limit="2")
    assert (first["unread"], len(first["items"])) == (5, 2)
    second = await feed(browser, limit="2", cursor=first["nextCursor"])
    upto = second["items"][0]["notificationId"]
    answer = await browser.send("POST", "/api/notifications/read", json={"notificationId": upto})
    assert answer.status_code == 204
    unread = await feed(browser, unread="true")
    assert unread["unread"] == 2
    assert unread["items"] == first["items"]


async def test_nobody_reads_or_marks_anothers(
    engine: Engine, browser: Browser, seller: str, new_browser: Callable[..., Browser]
) -> None:
    await engine.tell(found(seller))
    await engine.work()
    mine = (await feed(browser))["items"][0]["notificationId"]
    ben = new_browser()
    await ben.sign_in(BEN)
    assert (await feed(ben))["items"] == []
    await ben.send("POST", "/api/notifications/read", json={"notificationId": mine})
    assert (await feed(browser))["unread"] == 1


@pytest.mark.parametrize(
    "link", ["https://evil.test", "//evil.test", "/\\evil.test", "dashboard", ""]
)
async def test_no_notice_leads_to_another_site(engine: Engine, link: str) -> None:
    with pytest.raises(DBAPIError, match="ck_notifications_link"):
        await engine.execute(
            "INSERT INTO notifications (id, user_id, kind, key, title, body, link, by_email)"
            " VALUES ('n', 'u', 'paid', 'k', '', '', :link, false)",
            link=link,
        )


@given(
    st.datetimes(datetime(2021, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 - made aware below
    st.integers(1, 86_400),
)
def test_a_letter_is_never_late_and_its_moment_the_same_for_its_whole_span(
    naive: datetime, every: int
) -> None:
    now = naive.replace(tzinfo=UTC)
    due = letter_due(now, every_seconds=every)
    span = timedelta(seconds=every)
    assert now < due <= now + span + min(span, GRACE)
    last = due - min(span, GRACE) - timedelta(microseconds=1)
    assert letter_due(last, every_seconds=every) == due
    assert letter_due(last + timedelta(microseconds=1), every_seconds=every) > due


def test_a_letter_about_one_thing_is_named_after_it() -> None:
    assert letter_subject(["Amazon paid"], more=0) == "Amazon paid"
    text = letter_text([("Title", "Body", "/x")], more=0, app_url="https://app.test")
    assert text.startswith("Title\nBody\nhttps://app.test/x\n")
