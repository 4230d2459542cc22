"""Refresh tokens rotate; one that comes back later was copied, and ends the session for whoever holds it."""

import asyncio
from collections.abc import Callable

import pytest
from door import APP_URL, Browser, Door
from sqlalchemy import text

from main_api.sessions import rules
from opside_chassis.database import EVERY_TENANT, transaction

REFRESH = "__Host-opside_refresh"
HOST = "app.opside.test"


def copy_of(browser: Browser, make: Callable[..., Browser]) -> Browser:
    """A second holder of the same cookies: a thief, or another tab."""
    copy = make()
    for cookie in browser.http.cookies.jar:
        copy.http.cookies.set(cookie.name, cookie.value or "", domain=HOST)
    return copy


async def test_each_refresh_gives_a_new_token_of_the_same_session(browser: Browser) -> None:
    await browser.sign_in()
    seen = {browser.http.cookies[REFRESH]}
    before = (await browser.http.get("/api/auth/sessions")).json()
    for _ in range(3):
        assert (await browser.refresh()).status_code == 204
        seen.add(browser.http.cookies[REFRESH])
    assert len(seen) == 4
    assert (await browser.http.get("/api/auth/sessions")).json() == before


async def test_only_hashes_of_refresh_tokens_are_stored(browser: Browser, door: Door) -> None:
    await browser.sign_in()
    async with transaction(door.database.sessions, tenant=EVERY_TENANT) as session:
        stored = (await session.execute(text("SELECT token_hash FROM refresh_tokens"))).scalars()
        assert list(stored) == [rules.hash_of(browser.http.cookies[REFRESH])]


async def test_an_old_token_ends_the_session_for_all_its_holders(
    browser: Browser, new_browser: Callable[..., Browser], door: Door
) -> None:
    await browser.sign_in()
    thief = copy_of(browser, new_browser)
    assert (await browser.refresh()).status_code == 204
    door.clock.advance(seconds=rules.REFRESH_RACE_SECONDS + 1)
    for holder in (thief, browser):
        answer = await holder.refresh()
        assert (answer.status_code, answer.json()["code"]) == (401, "session_ended")
        assert (await holder.me()).status_code == 401


async def test_a_thief_who_comes_first_is_thrown_out_with_the_owner(
    browser: Browser, new_browser: Callable[..., Browser], door: Door
) -> None:
    await browser.sign_in()
    thief = copy_of(browser, new_browser)
    assert (await thief.refresh()).status_code == 204
    door.clock.advance(seconds=rules.REFRESH_RACE_SECONDS + 1)
    assert (await browser.refresh()).status_code == 401
    assert (await thief.me()).status_code == 401
    assert (await thief.refresh()).status_code == 401


async def test_tabs_that_refresh_at_once_keep_their_session(
    browser: Browser, new_browser: Callable[..., Browser]
) -> None:
    await browser.sign_in()
    tabs = [copy_of(browser, new_browser) for _ in range(8)]
    answers = await asyncio.gather(*(tab.refresh() for tab in tabs))
    won = [tab for tab, answer in zip(tabs, answers, strict=True) if answer.status_code == 204]
    lost = [answer for answer in answers if answer.status_code != 204]
    assert len(won) == 1
    assert {(a.status_code, a.json()["code"]) for a in lost} == {(409, "already_refreshed")}
    # The losers are told to use what the winner got; they get no secret of their own.
    assert not any(a.headers.get_list("set-cookie") for a in lost)
    assert (await won[0].refresh()).status_code == 204


async def test_another_sessions_token_is_untouched_by_a_theft(
    new_browser: Callable[..., Browser], door: Door
) -> None:
    stolen, safe = new_browser(), new_browser()
    await stolen.sign_in()
    await safe.sign_in()
    thief = copy_of(stolen, new_browser)
    await stolen.refresh()
    door.clock.advance(seconds=60)
    assert (await thief.refresh()).status_code == 401
    assert (await safe.refresh()).status_code == 204


async def test_a_session_ends_however_often_it_is_refreshed(browser: Browser, door: Door) -> None:
    await browser.sign_in()
    for _ in range(29):
        door.clock.advance(days=1)
        assert (await browser.refresh()).status_code == 204
    door.clock.advance(days=1, seconds=1)
    assert (await browser.refresh()).status_code == 401


@pytest.mark.parametrize("origin", [None, "https://evil.test", "null", f"{APP_URL}.evil.test"])
async def test_only_our_own_page_may_refresh(browser: Browser, origin: str | None) -> None:
    await browser.sign_in()
    headers = {"Origin": origin} if origin else {}
    answer = await browser.http.post("/api/auth/refresh", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_refused")
    assert (await browser.refresh()).status_code == 204


async def test_nobody_refreshes_with_nothing_or_something_made_up(browser: Browser) -> None:
    assert (await browser.refresh()).status_code == 401
    browser.http.cookies.set(REFRESH, rules.new_secret(), domain=HOST)
    assert (await browser.refresh()).status_code == 401
