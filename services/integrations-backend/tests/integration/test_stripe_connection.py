"""Linking a seller's own Stripe account at the stand-in: one consent, one browser, one user, one exchange."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from sandbox import Sandbox, running
from service import ADA, BEN, BROWSER, Keys, Service, build, settings_of
from stripe_sandbox import (
    Shop,
    begin,
    decide,
    link,
    live_stripe,
    returned,
    stripe_settings,
    stripe_status,
)

from opside_chassis.clock import utc_now
from opside_chassis.database import Database
from opside_contracts.integrations.messages import Provider

OTHER_EMAIL = "ben@shop.example"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running() as started:
        yield started


@pytest.fixture
async def linked(
    committed_database: Database, tmp_path: Path, sandbox: Sandbox
) -> AsyncIterator[Service]:
    """The service with the real Stripe client, talking to a fresh sandbox."""
    sandbox.ask("reset", snapshot=None)
    changes = stripe_settings(sandbox)
    async with live_stripe(settings_of(Keys(), tmp_path, **changes)) as stripe:
        yield build(
            committed_database,
            tmp_path / "archive",
            amazon=None,
            clock=utc_now,
            stripe=stripe,
            **changes,
        )


async def test_a_consent_links_the_account_with_sealed_tokens(
    linked: Service, sandbox: Sandbox
) -> None:
    assert await stripe_status(linked, ADA) == ("not_connected", None)
    assert await link(linked, ADA) == "ok"
    assert await stripe_status(linked, ADA) == ("connected", Shop.of(sandbox).account)
    (row,) = await linked.rows("SELECT * FROM oauth_tokens")
    assert row["provider"] == "stripe"
    assert row["access_token"].startswith("v1.vault-1.")
    assert "_test_" not in str(row)
    await linked.work()
    assert [event.type for event in linked.neighbours.events] == ["connection.changed"]
    assert await begin(linked, ADA) == "", "what is linked needs no consent"


async def test_the_page_asks_to_read_and_nothing_else(linked: Service) -> None:
    asked = dict(httpx.URL(await begin(linked, ADA)).params)
    assert asked["scope"] == "read_only"
    assert asked["redirect_uri"] == "http://127.0.0.1:8000/api/stripe/callback"
    (attempt,) = await linked.rows("SELECT * FROM consent_attempts")
    assert attempt["provider"] == "stripe"
    assert asked["state"] not in str(attempt)


async def test_racing_returns_exchange_the_code_once(linked: Service) -> None:
    query = await decide(await begin(linked, ADA))
    outcomes = await asyncio.gather(*(returned(linked, ADA, query) for _ in range(6)))
    assert sorted(outcomes) == ["consent_refused"] * 5 + ["ok"]
    assert (await stripe_status(linked, ADA))[0] == "connected"


async def test_a_state_of_another_user_browser_or_provider_is_refused(linked: Service) -> None:
    query = await decide(await begin(linked, ADA))
    assert await returned(linked, BEN, query) == "consent_refused"
    foreign = {"X-Opside-Browser-Binding": f"{BROWSER}-elsewhere"}
    amazons = await linked.begin_consent(ADA)
    assert await returned(linked, ADA, {**query, "state": amazons}) == "consent_refused"
    async with linked.client(linked.gateway_token(ADA), **foreign) as browser:
        answer = await browser.get("/api/stripe/callback", params=query)
    assert "connect=consent_refused" in answer.headers["location"]
    assert await returned(linked, ADA, query) == "consent_refused", "and it is spent"
    assert await linked.rows("SELECT * FROM oauth_tokens") == []


async def test_a_consent_goes_through_the_gateway_only(linked: Service) -> None:
    async with linked.client(linked.user_token(ADA)) as direct:
        assert (await direct.get("/api/stripe/auth")).status_code == 403
        answer = await direct.get("/api/stripe/callback", params={"state": "s", "code": "c"})
        assert answer.status_code == 403
        posted = await direct.post("/api/stripe/connect", json={"state": "s", "code": "c"})
        assert posted.status_code == 403


async def test_who_says_no_is_not_linked_and_his_state_is_spent(linked: Service) -> None:
    query = await decide(await begin(linked, ADA), decision="deny")
    assert await returned(linked, ADA, query) == "access_denied"
    assert await returned(linked, ADA, query) == "consent_refused"
    assert await stripe_status(linked, ADA) == ("not_connected", None)


async def test_a_front_end_may_hand_the_return_over(linked: Service, sandbox: Sandbox) -> None:
    query = await decide(await begin(linked, ADA))
    body = {name: query[name] for name in ("state", "code")}
    async with linked.as_user(ADA) as browser:
        first = await browser.post("/api/v1/stripe/connect", json=body)
        again = await browser.post("/api/stripe/connect", json=body)
    assert first.status_code == 200, first.text
    assert first.json()["status"] == "connected"
    assert first.json()["accountId"] == Shop.of(sandbox).account
    assert (again.status_code, again.json()["code"]) == (400, "consent_refused")


async def test_a_code_that_stripe_does_not_accept_links_nothing(linked: Service) -> None:
    query = await decide(await begin(linked, ADA))
    assert await returned(linked, ADA, {**query, "code": "ac_forged"}) == "not_granted"
    assert await linked.rows("SELECT * FROM oauth_tokens") == []


async def test_an_account_belongs_to_one_user(linked: Service) -> None:
    assert await link(linked, ADA) == "ok"
    assert await link(linked, BEN) == "account_taken"
    assert await stripe_status(linked, BEN) == ("not_connected", None)
    assert [row["user_id"] for row in await linked.rows("SELECT * FROM oauth_tokens")] == [ADA]


async def test_disconnecting_ends_our_access_at_stripe(linked: Service, sandbox: Sandbox) -> None:
    assert await link(linked, ADA) == "ok"
    token = await linked.runtime.tokens.of(Provider.STRIPE).access_token(
        linked.runtime.stripe, user_id=ADA
    )
    async with linked.as_user(ADA) as browser:
        assert (await browser.delete("/api/stripe/disconnect")).status_code == 204
        assert (await browser.delete("/api/stripe/disconnect")).status_code == 204, "repeatable"
        account = await browser.get("/api/stripe/account")
    assert (account.status_code, account.json()["code"]) == (409, "not_connected")
    assert await stripe_status(linked, ADA) == ("not_connected", None)
    assert await linked.rows("SELECT * FROM oauth_tokens") == []
    await linked.work()
    async with httpx.AsyncClient(base_url=sandbox.stripe) as anybody:
        answer = await anybody.get("/v1/account", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert (await linked.rows("SELECT * FROM human_cases")) == []
    assert await link(linked, ADA) == "ok", "and he may come back"


async def test_disconnecting_twice_over_leaves_a_new_link_alone(linked: Service) -> None:
    """The job that tells Stripe may run after the seller has linked the account again."""
    assert await link(linked, ADA) == "ok"
    async with linked.as_user(ADA) as browser:
        await browser.delete("/api/stripe/disconnect")
    assert await link(linked, ADA) == "ok"
    await linked.work()
    async with linked.as_user(ADA) as browser:
        assert (await browser.get("/api/stripe/account")).status_code == 200


async def test_a_revoked_grant_is_shown_as_reconnect(linked: Service, sandbox: Sandbox) -> None:
    assert await link(linked, ADA) == "ok"
    Shop.of(sandbox).revoke()
    async with linked.as_user(ADA) as browser:
        answer = await browser.get("/api/stripe/account")
        again = await browser.get("/api/v1/stripe/account")
    for one in (answer, again):
        assert (one.status_code, one.json()["code"]) == (409, "reconnect")
    assert (await stripe_status(linked, ADA))[0] == "reconnect"
    await linked.work()
    assert [event.status for event in linked.neighbours.events] == ["connected", "reconnect"]
    assert await link(linked, ADA) == "ok"
    assert (await stripe_status(linked, ADA))[0] == "connected"


async def test_the_account_is_shown_as_stripe_has_it(linked: Service, sandbox: Sandbox) -> None:
    assert await link(linked, ADA, email=OTHER_EMAIL) == "ok"
    async with linked.as_user(ADA) as browser:
        shown = (await browser.get("/api/stripe/account")).json()
    assert shown["accountId"] == Shop.of(sandbox, OTHER_EMAIL).account
    assert (shown["email"], shown["country"]) == (OTHER_EMAIL, "US")
    assert shown["chargesEnabled"] is True
    assert shown["transactions"] == 0


async def test_stripe_being_away_is_no_reconnect(linked: Service, sandbox: Sandbox) -> None:
    assert await link(linked, ADA) == "ok"
    sandbox.ask("stripe/faults", operation="accounts.retrieve_own", kind="500_before")
    async with linked.as_user(ADA) as browser:
        away = await browser.get("/api/stripe/account")
        back = await browser.get("/api/stripe/account")
    assert (away.status_code, away.json()["code"]) == (503, "stripe_unavailable")
    assert back.status_code == 200


async def test_without_a_client_everything_of_it_is_off(service: Service) -> None:
    async with service.as_user(ADA) as browser:
        for method, path in (
            ("GET", "auth"),
            ("GET", "callback?state=s&code=c"),
            ("GET", "account"),
            ("DELETE", "disconnect"),
        ):
            answer = await browser.request(method, f"/api/stripe/{path}")
            assert (answer.status_code, answer.json()["code"]) == (503, "provider_off"), path
        kept = await browser.get("/api/stripe/transactions")
    assert kept.json()["items"] == [], "what was recorded stays to be read"
