"""What a session cookie is worth: the CSRF proof, sign-out, and accounts that are gone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from door import APP_URL, Browser, Door, bearer
from fakes.amazon_login_fake import ADA, BEN
from sqlalchemy import text

from main_api.accounts.make_admin import make_admin
from opside_chassis.database import EVERY_TENANT, transaction
from opside_chassis.user_token import UserTokens

SESSION = "__Host-opside_session"
HOST = "app.opside.test"


async def signed_in(make: Callable[..., Browser], person: object = ADA) -> Browser:
    browser = make()
    await browser.sign_in(person)
    return browser


async def user_id(browser: Browser) -> str:
    found: str = (await browser.me()).json()["userId"]
    return found


@pytest.mark.parametrize(
    "change",
    [
        {"X-CSRF-Token": None},
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "A" * 43},
        {"X-CSRF-Token": "ä"},
        {"Origin": None},
        {"Origin": "null"},
        {"Origin": "https://evil.test"},
        {"Origin": "http://app.opside.test"},
        {"Origin": f"{APP_URL}.evil.test"},
    ],
)
async def test_an_unsafe_request_needs_proof_that_our_page_sent_it(
    browser: Browser, change: dict[str, str | None]
) -> None:
    await browser.sign_in()
    proof = {"Origin": APP_URL, "X-CSRF-Token": await browser.csrf()}
    sent = {name: value for name, value in (proof | change).items() if value is not None}
    raw = {name: value.encode() for name, value in sent.items()}
    for method, path in (("POST", "/api/auth/logout"), ("POST", "/api/sync/start")):
        answer = await browser.http.request(method, path, headers=raw)
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf_refused")
    assert (await browser.me()).status_code == 200


async def test_the_csrf_token_of_another_session_proves_nothing(
    new_browser: Callable[..., Browser],
) -> None:
    first, second = await signed_in(new_browser), await signed_in(new_browser)
    foreign = {"Origin": APP_URL, "X-CSRF-Token": await second.csrf()}
    answer = await first.http.post("/api/auth/logout", headers=foreign)
    assert answer.status_code == 403


async def test_nobody_is_told_a_csrf_token_without_a_session(browser: Browser, door: Door) -> None:
    assert (await browser.http.get("/api/auth/csrf")).status_code == 401


async def test_signing_out_ends_this_session_only(new_browser: Callable[..., Browser]) -> None:
    leaving, staying = await signed_in(new_browser), await signed_in(new_browser)
    kept = {cookie.name: cookie.value for cookie in leaving.http.cookies.jar}
    answer = await leaving.send("POST", "/api/auth/logout")
    assert answer.status_code == 204
    assert not list(leaving.http.cookies.jar)
    for name, value in kept.items():  # somebody had copied them
        leaving.http.cookies.set(name, value or "", domain=HOST)
    assert (await leaving.me()).json()["code"] == "session_ended"
    assert (await leaving.refresh()).status_code == 401
    assert (await staying.me()).status_code == 200


async def test_signing_out_everywhere_ends_all_of_ones_own(
    new_browser: Callable[..., Browser],
) -> None:
    one, two = await signed_in(new_browser), await signed_in(new_browser)
    ben = await signed_in(new_browser, BEN)
    assert (await one.send("POST", "/api/auth/logout?everywhere=true")).status_code == 204
    assert (await two.me()).status_code == 401
    assert (await two.refresh()).status_code == 401
    assert (await ben.me()).status_code == 200


async def test_a_user_sees_and_ends_his_own_sessions_only(
    new_browser: Callable[..., Browser],
) -> None:
    one, two = await signed_in(new_browser), await signed_in(new_browser)
    ben = await signed_in(new_browser, BEN)
    mine = (await one.http.get("/api/auth/sessions")).json()
    assert [row["current"] for row in mine] == [False, True]
    [his] = (await ben.http.get("/api/auth/sessions")).json()
    foreign = await one.send("DELETE", f"/api/auth/sessions/{his['sessionId']}")
    unknown = await one.send("DELETE", "/api/auth/sessions/ses_unknown")
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json()["detail"] == unknown.json()["detail"]
    gone = await one.send("DELETE", f"/api/auth/sessions/{mine[0]['sessionId']}")
    assert gone.status_code == 204
    assert (await two.me()).status_code == 401
    assert (await ben.me()).status_code == 200


async def test_a_deleted_user_is_signed_out(
    new_browser: Callable[..., Browser], door: Door
) -> None:
    browser = await signed_in(new_browser)
    gone = await user_id(browser)
    async with transaction(door.database.sessions, tenant=EVERY_TENANT) as session:
        await session.execute(text("DELETE FROM users WHERE id = :id"), {"id": gone})
    for path in ("/api/me", "/api/billing/recoveries", "/api/cases"):
        answer = await browser.http.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "session_ended")
    assert (await browser.refresh()).status_code == 401


async def test_who_is_no_admin_any_more_has_no_power_left(
    new_browser: Callable[..., Browser], door: Door
) -> None:
    browser = await signed_in(new_browser)
    own = await user_id(browser)
    await make_admin(door.database.sessions, user_id=own, email=None)
    path = f"/api/admin/users/{own}/collection"
    order = {"json": {"mode": "gross"}}
    assert (await browser.send("PUT", path, **order)).status_code == 204
    async with transaction(door.database.sessions, tenant=EVERY_TENANT) as session:
        await session.execute(text("UPDATE users SET role = 'user'"))
    assert (await browser.send("PUT", path, **order)).status_code == 403


async def test_a_sessions_token_is_worth_nothing_once_it_ended(
    new_browser: Callable[..., Browser], door: Door
) -> None:
    browser = await signed_in(new_browser)
    stolen = browser.http.cookies[SESSION]
    thief = door.client(headers=bearer(stolen))
    assert (await thief.get("/api/me")).status_code == 200
    await browser.send("POST", "/api/auth/logout")
    assert (await thief.get("/api/me")).status_code == 401


async def test_an_expired_or_forged_cookie_is_refused(browser: Browser, door: Door) -> None:
    await browser.sign_in()
    good = browser.http.cookies[SESSION]
    [row] = (await browser.http.get("/api/auth/sessions")).json()
    old = UserTokens(
        door.signing.service("main-api"), clock=lambda: datetime.now(UTC) - timedelta(hours=1)
    ).mint(
        audience="main-api",
        user_id=await user_id(browser),
        role="user",
        session_id=row["sessionId"],
    )
    header, claims, signature = good.split(".")
    for forged in (old, f"{header}.{claims}.{signature[::-1]}", f"{header}.{claims}.", "x", ""):
        browser.http.cookies.set(SESSION, forged, domain=HOST)
        assert (await browser.me()).status_code == 401


async def test_a_session_that_ran_out_is_over(browser: Browser, door: Door) -> None:
    await browser.sign_in()
    door.clock.advance(days=30, seconds=1)
    assert (await browser.me()).json()["code"] == "session_ended"
