"""Who orders an erasure, or takes the order back, cannot do it behind the owner's back."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from door import Browser, Door, Street, opened, settings_of
from fakes.amazon_login_fake import ADA
from fakes.keeper_fake import FakeKeeper
from fakes.mail_fake import FakeMailer
from sqlalchemy import text

from main_api.accounts.cases import open_case_for_job
from main_api.mail_api.errors import AddressRefused, MailUnavailable
from main_api.mail_api.gateway import Letter
from main_api.notifications.rules import Kind
from main_api.user_data.own_erasure import OPERATOR, ErasureOrder, order_erasure
from main_api.worker import handlers
from opside_chassis.database import EVERY_TENANT, Database, transaction
from opside_chassis.jobs import Workshop, drain
from opside_chassis.testing.plugin import Signing

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def mailer() -> FakeMailer:
    return FakeMailer()


@pytest_asyncio.fixture(loop_scope="session")
async def door(
    committed_database: Database, signing: Signing, street: Street, mailer: FakeMailer
) -> AsyncIterator[Door]:
    """main-api with a mail server, and keepers of data behind it."""
    street.integrations.answer = FakeKeeper(signing.ring, "integrations-backend")
    street.payments.answer = FakeKeeper(signing.ring, "stripe-payments")
    settings = settings_of(signing, mail_url="smtp://127.0.0.1:9", **street.urls())
    made = Door(settings, committed_database, signing, mailer=mailer)
    async with opened(made) as running:
        yield running


async def work(door: Door, *, hours: float = 0) -> None:
    """So many hours pass, and every job that waits runs once."""
    door.clock.advance(seconds=hours * 3600)
    workshop = Workshop(door.database.sessions, handlers(door.runtime), open_case_for_job)
    await drain(workshop, ignore_due=True)


async def erasure(door: Door) -> dict[str, Any]:
    async with transaction(door.database.sessions, tenant=EVERY_TENANT) as session:
        found = await session.execute(text("SELECT * FROM account_erasures"))
        return dict(found.mappings().one())


async def order(browser: Browser) -> None:
    answer = await browser.send("POST", "/api/account/erase", json={"confirm": ADA.email})
    assert answer.status_code == 202, answer.text


def only(mailer: FakeMailer) -> Letter:
    [letter] = mailer.sent
    mailer.sent.clear()
    return letter


async def test_an_order_is_told_of_at_once_and_how_to_stop_it(
    door: Door, browser: Browser, mailer: FakeMailer
) -> None:
    await browser.sign_in()
    # What a thief does first.
    silent = {"preferences": [{"kind": kind.value, "byEmail": False} for kind in Kind]}
    chosen = await browser.send("PUT", "/api/notifications/preferences", json=silent)
    assert chosen.status_code == 200, chosen.text
    await order(browser)
    await work(door)
    letter = only(mailer)
    assert (letter.to, letter.subject) == (ADA.email, "Your Opside account will be erased")
    begins = door.clock.now + timedelta(hours=72)
    assert f"It begins on {begins:%d %B %Y, %H:%M} UTC" in letter.text
    assert f"{door.settings.app_url}/dashboard" in letter.text
    for said in ("Keep my account", "Sign out everywhere", "seven years", "signed in to your"):
        assert said in letter.text
    page = (await browser.http.get("/dashboard")).text
    for button in ("Keep my account", "Sign out everywhere"):
        assert f"{button}</button>" in page
    await order(browser)
    await work(door, hours=1)
    assert mailer.sent == [], "told once"

    assert (await browser.send("DELETE", "/api/account/erasure")).status_code == 204
    await work(door)
    letter = only(mailer)
    assert (letter.to, letter.subject) == (ADA.email, "Your Opside account stays")
    await work(door, hours=80)
    assert mailer.sent == []


async def test_one_that_begins_at_once_is_told_of_before_the_address_goes(
    door: Door, browser: Browser, mailer: FakeMailer
) -> None:
    await browser.sign_in()
    user_id = (await browser.me()).json()["userId"]
    now = ErasureOrder(user_id, ADA.email, OPERATOR, timedelta())
    await order_erasure(door.database.sessions, now, clock=door.clock)
    await work(door)
    letter = only(mailer)
    assert (letter.to, letter.subject) == (ADA.email, "Your Opside account is being erased")
    for said in ("Our staff", "cannot be undone", "What goes", "seven years"):
        assert said in letter.text
    assert "Keep my account" not in letter.text
    assert (await erasure(door))["state"] == "running"


async def test_a_mail_server_that_is_away_is_waited_for_a_day_and_no_longer(
    door: Door, browser: Browser, mailer: FakeMailer
) -> None:
    await browser.sign_in()
    mailer.failures = [MailUnavailable("away") for _ in range(99)]
    await order(browser)
    await work(door)
    await work(door, hours=73)
    waiting = await erasure(door)
    assert (waiting["state"], waiting["told_at"]) == ("waiting", None)
    assert waiting["held_because"] == "the letter about it cannot be sent right now"
    assert (await browser.me()).status_code == 200
    await work(door, hours=24)
    assert (await erasure(door))["state"] == "running"


async def test_a_letter_comes_with_the_first_try_that_the_server_takes(
    door: Door, browser: Browser, mailer: FakeMailer
) -> None:
    await browser.sign_in()
    mailer.failures = [MailUnavailable("away")]
    await order(browser)
    await work(door)
    assert mailer.sent == []
    await work(door)
    assert only(mailer).subject == "Your Opside account will be erased"
    await work(door, hours=73)
    assert mailer.sent == []
    assert (await erasure(door))["state"] == "running"


async def test_an_address_that_takes_no_mail_holds_nothing(
    door: Door, browser: Browser, mailer: FakeMailer
) -> None:
    await browser.sign_in()
    mailer.failures = [AddressRefused("unknown")]
    await order(browser)
    await work(door)
    assert (await erasure(door))["told_at"] is not None
    await work(door, hours=73)
    assert (await erasure(door))["state"] == "running"
