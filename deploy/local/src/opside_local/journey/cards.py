"""A card for our fees, and the payout account of a seller whose money we collect."""

from typing import Any

import httpx

from opside_local.journey.browser import Browser, Refused
from opside_local.journey.errors import JourneyFailed
from opside_local.journey.waiting import until

GOOD_CARD = "pm_card_visa"
"""Stripe's own test card that is never refused."""
STATUS = "/api/v1/stripe/status/{user_id}"


async def save_card(
    browser: Browser, *, stripe_url: str, publishable_key: str, card: str = GOOD_CARD
) -> None:
    """Save a card as Stripe's form in the page does; it is the one that fees are taken from now on.

    The number goes from the browser to Stripe; Opside hears of it by webhook.
    """
    opened = await browser.send("POST", "/api/v1/stripe/create-customer-setup", body={})
    await _confirm_as_stripe_js(opened, stripe_url, publishable_key, card)


async def _confirm_as_stripe_js(
    opened: dict[str, Any], stripe_url: str, publishable_key: str, card: str
) -> None:
    async with httpx.AsyncClient(base_url=stripe_url, trust_env=False) as stripe_js:
        answer = await stripe_js.post(
            f"/v1/setup_intents/{opened['setupIntentId']}/confirm",
            data={"client_secret": opened["setupClientSecret"], "payment_method": card},
            headers={"Authorization": f"Bearer {publishable_key}"},
        )
    if answer.is_error or answer.json()["status"] != "succeeded":
        raise JourneyFailed(f"Stripe did not take the card: {answer.text[:300]}")


async def payout_account(browser: Browser, user_id: str) -> dict[str, Any]:
    """The Connect account that was made silently after sign-in; waits until it is there."""

    async def ask() -> dict[str, Any]:
        try:
            account: dict[str, Any] = await browser.get(STATUS.format(user_id=user_id))
        except Refused as refused:
            if refused.status != httpx.codes.NOT_FOUND:
                raise
            return {}
        return account

    return await until(
        ask, done=lambda account: bool(account.get("stripeAccountId")), what="the Connect account"
    )


async def finish_onboarding(browser: Browser, user_id: str) -> bool:
    """Fill in Stripe's onboarding page, so that money can be sent; False when that was done."""
    if (await payout_account(browser, user_id))["transfersActive"]:
        return False
    link = await browser.send("POST", "/api/v1/stripe/onboarding-link", body={})
    page = await browser.open(link["url"])
    await browser.submit(page.form(offering="decision"), decision="complete")
    await until(
        lambda: browser.get(STATUS.format(user_id=user_id)),
        done=lambda account: bool(account["transfersActive"]),
        what="the webhook of the finished onboarding",
    )
    return True
