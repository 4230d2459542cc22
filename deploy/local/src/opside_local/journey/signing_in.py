"""The two consents in a row: who I am, and which selling account is mine."""

from typing import Any
from urllib.parse import urlsplit

import httpx

from opside_local.journey.browser import Browser, Refused
from opside_local.journey.errors import JourneyFailed
from opside_local.journey.people import Person
from opside_local.system import System

START = "/api/auth/amazon/start"
SELLER_CONSENT = "/apps/authorize/consent"


async def sign_in(browser: Browser, person: Person, *, connect: bool = True) -> dict[str, Any]:
    """Log in with Amazon; a seller who is not connected yet also connects his selling account
    (unless `connect` is False).

    Answers what `/api/me` says. Raises `JourneyFailed`.
    """
    page = await browser.open(START)
    form = page.form(offering="persona")
    try:
        page = await browser.submit(form, persona=person.persona, decision="allow")
        if connect and urlsplit(page.url).path == SELLER_CONSENT:
            form = page.form(offering="decision")
            await browser.submit(form, persona=person.persona, decision="allow")
    except Refused as refused:
        # Amazon shows its consent page only to people with a selling account; Olga has none.
        if person.role != "admin" or refused.status != httpx.codes.FORBIDDEN:
            raise
    me = await browser.who_am_i()
    if me["email"] != person.email:
        raise JourneyFailed(f"signed in as {me['email']} instead of {person.email}")
    return me


async def sign_in_admin(browser: Browser, person: Person, system: System) -> dict[str, Any]:
    """Sign in, be made an admin by the operator's command, and sign in again as one."""
    me = await sign_in(browser, person)
    if me["role"] != "admin":
        await system.make_admin(person.email)
        me = await sign_in(browser, person)
    return me
