"""Login with Amazon: a state is good once, in the browser that started, for ten minutes, and leads home."""

import asyncio
import re
from collections.abc import Callable

import pytest
from door import APP_URL, Browser, Door, Street
from fakes.amazon_login_fake import ADA, BEN, FakeAmazonLogin, query_of
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from main_api.sessions import rules
from opside_chassis.database import EVERY_TENANT, transaction
from opside_chassis.service_token import ServiceTokenVerifier

HOME = f"{APP_URL}/dashboard"


@pytest.fixture
def login(door: Door) -> FakeAmazonLogin:
    assert isinstance(door.login, FakeAmazonLogin)
    return door.login


async def consent(browser: Browser, login: FakeAmazonLogin) -> tuple[str, str]:
    return login.consent(await browser.start(), ADA)


async def test_a_person_signs_in_and_lands_at_home(browser: Browser) -> None:
    answer = await browser.sign_in()
    assert answer.headers["location"] == HOME
    assert answer.headers["referrer-policy"] == "no-referrer"
    me = (await browser.me()).json()
    assert (me["email"], me["role"]) == (ADA.email, "user")
    assert me["userId"].startswith("usr_")


async def test_the_second_sign_in_finds_the_first_ones_user(
    new_browser: Callable[..., Browser],
) -> None:
    one, two, other = new_browser(), new_browser(), new_browser()
    await one.sign_in(ADA)
    await two.sign_in(ADA)
    await other.sign_in(BEN)
    ids = [(await browser.me()).json()["userId"] for browser in (one, two, other)]
    assert ids[0] == ids[1] != ids[2]


async def test_every_start_asks_with_fresh_secrets(browser: Browser) -> None:
    first, second = query_of(await browser.start()), query_of(await browser.start())
    for name in ("state", "code_challenge"):
        assert first[name] != second[name]
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", first[name])


async def test_only_hashes_of_the_secrets_are_stored(
    browser: Browser, door: Door, login: FakeAmazonLogin
) -> None:
    _, state = await consent(browser, login)
    secret = browser.http.cookies["__Host-opside_sign_in"]
    async with transaction(door.database.sessions) as session:
        row = (await session.execute(text("SELECT * FROM sign_in_attempts"))).mappings().one()
    assert not {state, secret} & set(row.values())
    assert row["state_hash"] == rules.hash_of(state)


async def test_a_state_works_once(browser: Browser, login: FakeAmazonLogin) -> None:
    url = await browser.start()
    code, state = login.consent(url, ADA)
    secret = browser.http.cookies["__Host-opside_sign_in"]
    assert (await browser.come_back(code, state)).status_code == 302
    again, _ = login.consent(url, ADA)
    browser.http.cookies.set("__Host-opside_sign_in", secret, domain="app.opside.test")
    refused = await browser.come_back(again, state)
    assert (refused.status_code, refused.json()["code"]) == (400, "sign_in_refused")
    assert login.exchanges == 1


async def test_of_two_returns_at_once_one_signs_in(
    browser: Browser, login: FakeAmazonLogin
) -> None:
    code, state = await consent(browser, login)
    answers = await asyncio.gather(*(browser.come_back(code, state) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [302] + [400] * 7
    assert login.exchanges == 1


async def test_a_state_belongs_to_the_browser_that_started(
    new_browser: Callable[..., Browser], login: FakeAmazonLogin
) -> None:
    attacker, victim = new_browser(), new_browser()
    code, state = await consent(attacker, login)
    for _ in range(2):  # without a sign-in of his own, and in the middle of one
        refused = await victim.come_back(code, state)
        assert (refused.status_code, refused.json()["code"]) == (400, "sign_in_refused")
        assert "__Host-opside_session" not in victim.http.cookies
        await victim.start()
        code, state = await consent(attacker, login)
    assert login.exchanges == 0


async def test_a_stolen_state_is_used_up_by_the_attempt(
    new_browser: Callable[..., Browser], login: FakeAmazonLogin
) -> None:
    victim, thief = new_browser(), new_browser()
    code, state = await consent(victim, login)
    assert (await thief.come_back(code, state)).status_code == 400
    assert (await victim.come_back(code, state)).status_code == 400


@pytest.mark.parametrize(("seconds", "status"), [(599, 302), (601, 400)])
async def test_a_sign_in_may_take_ten_minutes(
    browser: Browser, door: Door, login: FakeAmazonLogin, seconds: int, status: int
) -> None:
    code, state = await consent(browser, login)
    door.clock.advance(seconds=seconds)
    assert (await browser.come_back(code, state)).status_code == status


@pytest.mark.parametrize(
    "changed",
    [
        {"state": ""},
        {"state": "A" * 43},
        {"state": "x" * 201},
        {"code": ""},
        {"code": "made-up"},
        {"code": "c" * 3000},
    ],
)
async def test_a_forged_return_is_refused(
    browser: Browser, login: FakeAmazonLogin, changed: dict[str, str]
) -> None:
    code, state = await consent(browser, login)
    refused = await browser.come_back(**({"code": code, "state": state} | changed))
    assert refused.status_code in {400, 422}
    assert refused.headers["content-type"] == "application/problem+json"
    assert (await browser.me()).status_code == 401


async def test_a_person_who_says_no_is_brought_home(browser: Browser) -> None:
    await browser.start()
    answer = await browser.come_back("", "", error="access_denied")
    assert answer.headers["location"] == f"{HOME}?sign-in=denied"
    split = await browser.come_back("", "", error="access_denied\r\nX: y")
    assert (split.status_code, "x" in split.headers) == (400, False)


async def test_amazons_outage_is_said_and_leaves_nobody_signed_in(
    browser: Browser, door: Door, login: FakeAmazonLogin
) -> None:
    code, state = await consent(browser, login)
    login.down = True
    answer = await browser.come_back(code, state)
    assert (answer.status_code, answer.json()["code"]) == (503, "amazon_unavailable")
    async with transaction(door.database.sessions, tenant=EVERY_TENANT) as session:
        assert (await session.execute(text("SELECT count(*) FROM users"))).scalar_one() == 0


@pytest.mark.parametrize("name", ["next", "return_to", "returnUrl", "redirect_uri", "url"])
async def test_nobody_can_choose_where_a_sign_in_leads(
    browser: Browser, login: FakeAmazonLogin, name: str
) -> None:
    evil = "https://evil.test/"
    started = await browser.http.get(
        "/api/auth/amazon/start",
        params={name: evil},
        headers={"Referer": evil, "X-Forwarded-Host": "evil.test"},
    )
    assert "evil.test" not in started.headers["location"]
    code, state = login.consent(started.headers["location"], ADA)
    answer = await browser.come_back(code, state, **{name: evil})
    assert answer.headers["location"] == HOME


async def test_a_seller_without_an_account_goes_on_to_the_seller_consent(
    browser: Browser, door: Door, street: Street
) -> None:
    page = "https://sellercentral.test/apps/authorize/consent?x=1"

    async def must_consent(_request: Request) -> Response:
        return JSONResponse({"alreadyConnected": False, "consentUrl": page})

    street.integrations.answer = must_consent
    assert (await browser.sign_in()).headers["location"] == page
    request, _body = street.integrations.asked[0]
    asked = await request.json()
    me = (await browser.me()).json()
    sessions = (await browser.http.get("/api/auth/sessions")).json()
    assert asked["userId"] == me["userId"]
    assert asked["browserBinding"] == rules.hash_of(sessions[0]["sessionId"])
    token = request.headers["authorization"].removeprefix("Bearer ")
    identity = ServiceTokenVerifier(door.signing.ring, "integrations-backend").verify(token)
    assert (identity.scopes, identity.act_for) == ({"consents:start"}, me["userId"])


APPSTORE = "/api/auth/amazon/appstore"


async def test_a_start_in_the_appstore_is_told_to_the_seller_consent_once(
    browser: Browser, login: FakeAmazonLogin, street: Street
) -> None:
    page = "https://sellercentral.amazon.com/apps/authorize/confirm/app?state=x"

    async def must_consent(_request: Request) -> Response:
        return JSONResponse({"alreadyConnected": False, "consentUrl": page})

    street.integrations.answer = must_consent
    asked = {
        "amazon_callback_uri": "https://sellercentral.amazon.com/apps/authorize/confirm/app",
        "amazon_state": "amzn-1",
        "selling_partner_id": "A1",
        "version": "beta",
    }
    started = await browser.http.get(APPSTORE, params=asked)
    assert started.headers["referrer-policy"] == "no-referrer"
    answer = await browser.come_back(*login.consent(started.headers["location"], ADA))
    assert (answer.headers["location"], answer.headers["referrer-policy"]) == (page, "no-referrer")
    await browser.sign_in()
    visits = [(await request.json()).get("appstore") for request, _ in street.integrations.asked]
    assert visits == [
        {
            "callbackUri": asked["amazon_callback_uri"],
            "amazonState": "amzn-1",
            "beta": True,
        },
        None,
    ]


@pytest.mark.parametrize("lacks", ["amazon_callback_uri", "amazon_state"])
async def test_what_is_no_start_in_the_appstore_is_refused(browser: Browser, lacks: str) -> None:
    asked = {"amazon_callback_uri": "https://x.test", "amazon_state": "1"} | {lacks: ""}
    assert (await browser.http.get(APPSTORE, params=asked)).status_code == 422


async def test_sign_in_works_while_integrations_is_down(browser: Browser, street: Street) -> None:
    async def broken(_request: Request) -> Response:
        return JSONResponse({}, status_code=503)

    street.integrations.answer = broken
    assert (await browser.sign_in()).headers["location"] == f"{HOME}?connect=unavailable"
    assert (await browser.me()).status_code == 200


def flags(cookie: str) -> set[str]:
    return {part.strip().lower() for part in cookie.split(";")[1:]}


async def test_cookies_are_for_this_host_https_and_no_script(
    browser: Browser, login: FakeAmazonLogin
) -> None:
    started = await browser.http.get("/api/auth/amazon/start")
    code, state = login.consent(started.headers["location"], ADA)
    finished = await browser.come_back(code, state)
    refreshed = await browser.refresh()
    for answer, lifetimes in (
        (started, {"__Host-opside_sign_in": 600}),
        (finished, {"__Host-opside_session": 600, "__Host-opside_refresh": 30 * 86_400}),
        (refreshed, {"__Host-opside_session": 600, "__Host-opside_refresh": 30 * 86_400}),
    ):
        sent = {raw.split("=")[0]: raw for raw in answer.headers.get_list("set-cookie")}
        for name, seconds in lifetimes.items():
            given = flags(sent[name])
            assert {"path=/", "secure", "httponly", "samesite=lax"} <= given
            assert f"max-age={seconds}" in given
            assert not any(flag.startswith("domain") for flag in given)
    assert "__Host-opside_sign_in" not in browser.http.cookies
