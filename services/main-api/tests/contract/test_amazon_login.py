"""Login with Amazon as `LiveAmazonLogin` speaks it, against the sandbox's process over real HTTP."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
from door import APP_URL, Browser, Door, Street, opened, settings_of
from fakes.amazon_login_fake import query_of
from pydantic import SecretStr

from main_api.amazon_login_api.errors import AmazonUnavailable, CodeRefused
from main_api.amazon_login_api.live import LiveAmazonLogin
from main_api.sessions import rules
from main_api.settings import Settings
from opside_chassis.database import Database
from opside_chassis.http_client import provider_client
from opside_chassis.testing.plugin import Signing

CALLBACK = f"{APP_URL}/api/auth/amazon/callback"
CLIENT = {
    "amazon_login_client_id": "amzn1.application-oa2-client.contract",
    "amazon_login_client_secret": "a-secret-of-this-test-" + "only",
}


@pytest.fixture(scope="module")
def amazon() -> Iterator[str]:
    """The address of a running sandbox's Amazon."""
    environment = {name: value for name, value in os.environ.items() if "SANDBOX_" not in name}
    for port in ("STRIPE", "AMAZON", "GMAIL", "CONTROL"):
        environment[f"SANDBOX_{port}_PORT"] = "0"
    environment["SANDBOX_AMAZON_LOGIN_CLIENT_ID"] = CLIENT["amazon_login_client_id"]
    environment["SANDBOX_AMAZON_LOGIN_CLIENT_SECRET"] = CLIENT["amazon_login_client_secret"]
    environment["SANDBOX_AMAZON_LOGIN_REDIRECT_URIS"] = CALLBACK
    process = subprocess.Popen(
        [sys.executable, "-m", "opside_sandbox"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        listening = (line.split() for line in process.stdout)
        yield next(url for name, url in listening if name == "amazon")
        process.terminate()
        process.wait(10)


@pytest.fixture
def settings(amazon: str, signing: Signing, street: Street) -> Settings:
    return settings_of(
        signing,
        amazon_login_url=amazon,
        amazon_api_url=amazon,
        amazon_login_redirect_uri=CALLBACK,
        **CLIENT,
        **street.urls(),
    )


@pytest_asyncio.fixture(loop_scope="session")
async def login(settings: Settings) -> AsyncIterator[LiveAmazonLogin]:
    async with provider_client(settings.amazon_api_url) as http:
        yield LiveAmazonLogin(settings, http)


async def allowed(consent_url: str, persona: str = "ada") -> tuple[str, str]:
    """A person allows it at Amazon: the code and state his browser is sent back with."""
    page, _, _ = consent_url.partition("?")
    form = query_of(consent_url) | {"persona": persona, "decision": "allow"}
    async with httpx.AsyncClient() as person:
        answer = await person.post(page, data=form)
    assert answer.status_code == 302, answer.text
    location = answer.headers["location"]
    assert location.startswith(f"{CALLBACK}?")
    returned = query_of(location)
    return returned["code"], returned["state"]


async def test_a_person_signs_in_at_the_sandbox(
    settings: Settings, login: LiveAmazonLogin, committed_database: Database, signing: Signing
) -> None:
    async with opened(Door(settings, committed_database, signing, login=login)) as door:
        browser = Browser(door, door.client())
        code, state = await allowed(await browser.start())
        answer = await browser.come_back(code, state)
        assert (answer.status_code, answer.headers["location"]) == (302, f"{APP_URL}/dashboard")
        me = (await browser.me()).json()
        assert (me["email"], me["name"]) == ("ada@example.com", "Ada Sandler")


async def test_a_code_is_good_once(login: LiveAmazonLogin) -> None:
    verifier = rules.new_secret()
    url = login.consent_url(state="s" * 43, code_challenge=rules.code_challenge(verifier))
    code, _ = await allowed(url)
    person = await login.profile(code=code, code_verifier=verifier)
    assert person.user_id.startswith("amzn1.account.")
    with pytest.raises(CodeRefused):
        await login.profile(code=code, code_verifier=verifier)


async def test_a_code_is_good_for_its_verifier_only(login: LiveAmazonLogin) -> None:
    challenge = rules.code_challenge(rules.new_secret())
    code, _ = await allowed(login.consent_url(state="s" * 43, code_challenge=challenge))
    with pytest.raises(CodeRefused):
        await login.profile(code=code, code_verifier=rules.new_secret())


async def test_our_own_wrong_secret_is_no_fault_of_the_person(settings: Settings) -> None:
    wrong = settings.model_copy(update={"amazon_login_client_secret": SecretStr("another")})
    async with provider_client(settings.amazon_api_url) as http:
        login = LiveAmazonLogin(wrong, http)
        verifier = rules.new_secret()
        url = login.consent_url(state="s" * 43, code_challenge=rules.code_challenge(verifier))
        code, _ = await allowed(url)
        with pytest.raises(AmazonUnavailable):
            await login.profile(code=code, code_verifier=verifier)


async def test_an_amazon_that_is_away_or_hangs_is_unavailable(settings: Settings) -> None:
    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)
        writer.close()

    silent = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    for address in ("http://127.0.0.1:9", f"http://127.0.0.1:{port}"):
        async with provider_client(address, timeout_seconds=0.2) as http:
            with pytest.raises(AmazonUnavailable):
                await LiveAmazonLogin(settings, http).profile(code="c", code_verifier="v")
    silent.close()
