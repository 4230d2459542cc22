"""A seller connects his mailbox at Google, and waits until it was looked through."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from opside_local.journey.browser import Browser
from opside_local.journey.errors import JourneyFailed
from opside_local.journey.people import Person
from opside_local.journey.waiting import until

PATIENCE_SECONDS = 300.0
"""Gmail gives a user 100 units of its quota a second, and a first look spends some 5,000."""


async def connect_mailbox(browser: Browser, person: Person) -> None:
    """Google's page, the seller's yes, and back to the dashboard; raises `JourneyFailed`."""
    begun = await browser.get("/api/gmail/auth")
    if begun["alreadyConnected"]:
        return
    page = await browser.open(begun["consentUrl"])
    page = await browser.submit(
        page.form(offering="decision"), persona=person.persona, decision="allow"
    )
    outcome = parse_qs(urlsplit(page.url).query).get("connect", ["?"])[0]
    if outcome != "ok":
        raise JourneyFailed(f"the mailbox was not connected: {outcome}")


async def wait_for_papers(browser: Browser) -> dict[str, Any]:
    """Until the first look at the mailbox has ended; answers how it went."""
    found: dict[str, Any] = await until(
        lambda: browser.get("/api/gmail/status"),
        done=lambda state: bool(state["lookedAt"]) and not state["looking"],
        what="the first look at the mailbox",
        patience_seconds=PATIENCE_SECONDS,
    )
    return found
