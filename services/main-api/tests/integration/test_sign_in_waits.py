"""How often a person who signs in waits for somebody else, one after the other, until he is sent on."""

import httpx
from door import Browser, Door, Street, opened, settings_of
from fakes.amazon_login_fake import query_of
from sqlalchemy import event

from main_api.amazon_login_api.live import LiveAmazonLogin
from opside_chassis.database import Database
from opside_chassis.http_client import provider_client
from opside_chassis.testing.plugin import Signing

MOST_WAITS = 5
"""The return from Amazon; a page that takes longer is loaded again, and its code is spent by then."""


async def test_the_return_from_amazon_waits_five_times_at_most(
    committed_database: Database, signing: Signing, street: Street
) -> None:
    waits: list[str] = []

    def amazon(request: httpx.Request) -> httpx.Response:
        waits.append(f"Amazon: {request.url.path}")
        person = {"user_id": "amzn1.account.ada", "email": "ada@example.com", "name": "Ada"}
        return httpx.Response(200, json={"access_token": "token", **person})

    settings = settings_of(signing, **street.urls())
    http = provider_client("https://api.amazon.test", transport=httpx.MockTransport(amazon))
    made = Door(settings, committed_database, signing, login=LiveAmazonLogin(settings, http))
    async with http, opened(made) as door:
        browser = Browser(door, door.client())
        state = query_of(await browser.start())["state"]
        street.integrations.forget()
        engine = committed_database.engine.sync_engine

        def stored(_connection: object) -> None:
            waits.append("database: one transaction")

        event.listen(engine, "commit", stored)
        try:
            answer = await browser.come_back("code", state)
        finally:
            event.remove(engine, "commit", stored)
    assert answer.status_code == 302, answer.text
    waits += [f"integrations-backend: {path}" for path in street.integrations.paths()]
    assert sorted(waits) == [
        "Amazon: /auth/o2/token",
        "Amazon: /user/profile",
        "database: one transaction",
        "database: one transaction",
        "integrations-backend: POST /internal/amazon/consents",
    ]
    assert len(waits) <= MOST_WAITS
