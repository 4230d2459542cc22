"""Connecting a mailbox at Google's stand-in: one consent, one browser, one user, one exchange."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from google_sandbox import (
    begin,
    connect_mail,
    decide,
    mail_status,
    returned,
    service_with_mail,
)
from sandbox import Sandbox, running
from service import ADA, BEN, BROWSER, Service

from opside_chassis.database import Database
from opside_chassis.leases import MAX_FAILURES
from opside_contracts import scopes
from opside_contracts.integrations.messages import Provider

OLGA = "olga"
"""Nobody writes to her: what is in a mailbox is read in `test_mail_search`."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running() as started:
        yield started


@pytest.fixture
async def mail(
    committed_database: Database, tmp_path: Path, sandbox: Sandbox
) -> AsyncIterator[Service]:
    """The service with the real Gmail client, talking to a fresh sandbox."""
    async with service_with_mail(committed_database, tmp_path, sandbox) as service:
        yield service


async def test_a_consent_connects_the_mailbox_with_sealed_tokens(mail: Service) -> None:
    assert await mail_status(mail, ADA) == ("not_connected", None)
    assert await connect_mail(mail, ADA, OLGA) == "ok"
    status, account = await mail_status(mail, ADA)
    assert (status, account is not None and "@" in account) == ("connected", True)
    (row,) = await mail.rows("SELECT * FROM oauth_tokens")
    assert row["provider"] == "gmail"
    assert row["access_token"].startswith("v1.vault-1.")
    assert "ya29" not in str(row)
    await mail.work()
    assert [event.type for event in mail.neighbours.events] == ["connection.changed"]
    assert await begin(mail, ADA) == "", "what is connected needs no consent"


async def test_the_page_asks_to_read_mail_and_nothing_else(mail: Service) -> None:
    asked = dict(httpx.URL(await begin(mail, ADA)).params)
    assert asked["scope"] == "https://www.googleapis.com/auth/gmail.readonly"
    assert (asked["access_type"], asked["prompt"]) == ("offline", "consent")
    assert (asked["code_challenge_method"], len(asked["code_challenge"])) == ("S256", 43)
    (attempt,) = await mail.rows("SELECT * FROM consent_attempts")
    assert asked["state"] not in str(attempt)


async def test_a_code_is_worth_nothing_to_who_began_elsewhere(mail: Service) -> None:
    """PKCE: a code that was given for another attempt's challenge is refused by Google."""
    stolen = await decide(await begin(mail, ADA), OLGA)
    own = dict(httpx.URL(await begin(mail, ADA)).params)
    assert await returned(mail, ADA, {**stolen, "state": own["state"]}) == "not_granted"
    assert await mail_status(mail, ADA) == ("not_connected", None)


async def test_a_state_is_good_once_for_its_user_in_his_browser(mail: Service) -> None:
    query = await decide(await begin(mail, ADA), OLGA)
    assert await returned(mail, BEN, query) == "consent_refused"
    outcomes = await asyncio.gather(*(returned(mail, ADA, query) for _ in range(4)))
    assert sorted(outcomes) == ["consent_refused"] * 3 + ["ok"]
    query = {"state": query["state"], "code": "x"}
    foreign = {"X-Opside-Browser-Binding": f"{BROWSER}-someone-else"}
    await disconnect(mail, ADA)
    query = await decide(await begin(mail, ADA), OLGA)
    async with mail.client(mail.gateway_token(ADA), **foreign) as browser:
        answer = await browser.post("/api/gmail/connect", json=_pair(query))
    assert (answer.status_code, answer.json()["code"]) == (400, "consent_refused")


def _pair(query: dict[str, str]) -> dict[str, str]:
    return {"state": query["state"], "code": query["code"]}


async def test_an_amazon_state_is_no_gmail_state(mail: Service) -> None:
    state = await mail.begin_consent(ADA)
    assert await returned(mail, ADA, {"state": state, "code": "x"}) == "consent_refused"
    assert await mail.returned(ADA, state) == "ok", "and it stays good where it belongs"


async def test_a_front_end_may_hand_the_return_over_itself(mail: Service) -> None:
    query = await decide(await begin(mail, ADA), OLGA)
    async with mail.as_user(ADA) as browser:
        answer = await browser.post("/api/v1/gmail/connect", json=_pair(query))
    assert (answer.status_code, answer.json()["status"]) == (200, "connected")


async def test_the_browser_is_known_to_the_gateway_only(mail: Service) -> None:
    binding = {"X-Opside-Browser-Binding": f"{BROWSER}-{ADA}"}
    async with mail.client(mail.user_token(ADA), **binding) as direct:
        assert (await direct.get("/api/gmail/auth")).status_code == 403
        assert (await direct.get("/api/gmail/callback", params={"state": "s"})).status_code == 403
        pair = {"state": "s", "code": "c"}
        assert (await direct.post("/api/gmail/connect", json=pair)).status_code == 403


async def test_who_says_no_is_not_connected_and_his_state_is_spent(mail: Service) -> None:
    query = await decide(await begin(mail, ADA), OLGA, decision="deny")
    assert await returned(mail, ADA, query) == "access_denied"
    assert await returned(mail, ADA, query) == "consent_refused"
    assert await returned(mail, ADA, {**query, "code": "x", "error": ""}) == "consent_refused"
    assert await mail_status(mail, ADA) == ("not_connected", None)


async def test_a_box_that_was_left_unticked_is_said(mail: Service) -> None:
    url = await begin(mail, ADA)
    query = await decide(url, OLGA, scope="openid email", granted="")
    assert await returned(mail, ADA, query) == "scope_missing"
    assert await mail_status(mail, ADA) == ("not_connected", None)
    assert await mail.rows("SELECT * FROM oauth_tokens") == []


async def test_a_mailbox_belongs_to_one_user(mail: Service) -> None:
    assert await connect_mail(mail, ADA, OLGA) == "ok"
    assert await connect_mail(mail, BEN, OLGA) == "account_taken"
    assert [row["user_id"] for row in await mail.rows("SELECT * FROM oauth_tokens")] == [ADA]


async def is_dead(sandbox: Sandbox, token: str) -> bool:
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{sandbox.gmail}/revoke", data={"token": token})
    return answer.json().get("error") == "invalid_token"


async def disconnect(mail: Service, user_id: str) -> None:
    async with mail.as_user(user_id) as browser:
        assert (await browser.delete("/api/gmail/disconnect")).status_code == 204


async def test_disconnecting_revokes_at_google_and_forgets(mail: Service, sandbox: Sandbox) -> None:
    await mail.connect(ADA)
    await connect_mail(mail, ADA, OLGA)
    token = await mail.runtime.tokens.of(Provider.GMAIL).refresh_token(ADA)
    await disconnect(mail, ADA)
    assert await mail_status(mail, ADA) == ("not_connected", None)
    assert [row["provider"] for row in await mail.rows("SELECT provider FROM oauth_tokens")] == [
        "amazon"
    ]
    assert await is_dead(sandbox, token)
    await mail.work()
    await disconnect(mail, ADA)


async def test_a_revocation_that_google_does_not_hear_is_made_later(
    mail: Service, sandbox: Sandbox
) -> None:
    await connect_mail(mail, ADA, OLGA)
    await mail.work()
    token = await mail.runtime.tokens.of(Provider.GMAIL).refresh_token(ADA)
    sandbox.ask("gmail/faults", operation="oauth2.revoke", kind="503")
    await disconnect(mail, ADA)
    assert await mail_status(mail, ADA) == ("not_connected", None)
    assert len(await mail.rows("SELECT 1 FROM oauth_tokens")) == 1
    await mail.work()
    assert await mail.rows("SELECT 1 FROM oauth_tokens") == []
    assert await is_dead(sandbox, token)


async def test_an_erasure_destroys_what_google_never_confirmed(
    mail: Service, sandbox: Sandbox
) -> None:
    await connect_mail(mail, ADA, OLGA)
    await mail.work()
    sandbox.ask("gmail/faults", operation="oauth2.revoke", kind="503", times=999)
    token = mail.service_token(scopes.ERASE_USER, act_for=ADA)
    async with mail.client(token) as main_api:
        refused = await main_api.post(f"/internal/users/{ADA}/erase")
        assert (refused.status_code, refused.json()["code"]) == (409, "not_erasable_yet")
        await mail.work(rounds=MAX_FAILURES)
        assert len(await mail.rows("SELECT 1 FROM oauth_tokens")) == 1, "it may still be revoked"
        assert (await main_api.post(f"/internal/users/{ADA}/erase")).status_code == 204
    assert await mail.rows("SELECT 1 FROM oauth_tokens") == []
    (told,) = await mail.rows("SELECT reason FROM human_cases WHERE kind = 'grant_not_revoked'")
    assert "Google has not confirmed" in told["reason"]
    assert "@" not in told["reason"]


async def test_a_late_revocation_leaves_a_mailbox_alone_that_was_connected_anew(
    mail: Service, sandbox: Sandbox
) -> None:
    await connect_mail(mail, ADA, OLGA)
    sandbox.ask("gmail/faults", operation="oauth2.revoke", kind="503")
    await disconnect(mail, ADA)
    assert await connect_mail(mail, ADA, OLGA) == "ok"
    await mail.work()
    assert (await mail_status(mail, ADA))[0] == "connected"
    async with mail.as_user(ADA) as browser:
        assert (await browser.get("/api/gmail/emails", params={"limit": 1})).status_code == 200


async def test_a_withdrawn_grant_is_shown_as_reconnect(mail: Service, sandbox: Sandbox) -> None:
    await connect_mail(mail, ADA, OLGA)
    sandbox.ask("gmail/revoke", persona=OLGA)
    async with mail.as_user(ADA) as browser:
        for _ in range(2):
            answer = await browser.get("/api/gmail/emails")
            assert (answer.status_code, answer.json()["code"]) == (409, "reconnect")
    assert (await mail_status(mail, ADA))[0] == "reconnect"
    assert await connect_mail(mail, ADA, OLGA) == "ok"
    assert (await mail_status(mail, ADA))[0] == "connected"


async def test_a_token_is_refreshed_once_for_all_and_keeps_its_refresh_token(
    mail: Service, sandbox: Sandbox
) -> None:
    await connect_mail(mail, ADA, OLGA)
    kept = await mail.runtime.tokens.of(Provider.GMAIL).refresh_token(ADA)
    sandbox.ask("clock/advance", seconds=3700)
    async with mail.as_user(ADA) as browser:
        answers = await asyncio.gather(
            *(browser.get("/api/gmail/emails", params={"limit": 2}) for _ in range(3))
        )
    assert {answer.status_code for answer in answers} == {200}
    assert await mail.runtime.tokens.of(Provider.GMAIL).refresh_token(ADA) == kept


async def test_an_installation_without_a_google_client_says_so(service: Service) -> None:
    async with service.as_user(ADA) as browser:
        for method, path in (
            ("GET", "/api/gmail/auth"),
            ("GET", "/api/gmail/emails"),
            ("GET", "/api/v1/gmail/search?query=x"),
            ("DELETE", "/api/gmail/disconnect"),
        ):
            answer = await browser.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (503, "provider_off"), path
            assert "GMAIL_CLIENT_ID" in answer.json()["detail"]
