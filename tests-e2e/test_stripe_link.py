"""A seller links his own Stripe account through the front door, sees what moved in it, and leaves."""

from typing import Any

import httpx
from proof import control, differences

from opside_local.journey.browser import Browser, Refused
from opside_local.journey.people import CLEO, OLGA
from opside_local.journey.signing_in import sign_in, sign_in_admin
from opside_local.journey.waiting import until
from opside_local.system import System

EMAIL = "cleo@shop.example"
ORDER = "111-2222222-3333333"


async def test_a_seller_links_his_stripe_account_and_leaves_it(system: System) -> None:
    shop = await control(system, "stripe/people", email=EMAIL)
    charge = await sell(system, shop["secret_key"])
    async with Browser(system.urls.main_api) as seller, Browser(system.urls.main_api) as admin:
        await sign_in_admin(admin, OLGA, system)
        await sign_in(seller, CLEO, connect=False)
        await link(seller)
        assert await status(seller) == ("connected", shop["account"])
        page = await until(
            lambda: seller.get("/api/stripe/transactions"),
            done=lambda found: len(found["items"]) > 0,
            what="the first pull of the Stripe account",
        )
        [sold] = page["items"]
        assert (sold["sourceId"], sold["amountCents"], sold["type"]) == (charge, 4_200, "charge")
        assert await seller.get(f"/api/stripe/transactions/{sold['id']}") == sold
        account = await seller.get("/api/v1/stripe/account")
        assert (account["accountId"], account["transactions"]) == (shop["account"], 1)

        # What moves there is the seller's: our own books know nothing of it.
        assert await differences(system, admin) == []

        await control(system, f"stripe/people/{shop['account']}/revoke", seller="himself")
        assert await refusal(seller) == "reconnect"
        assert (await status(seller))[0] == "reconnect"
        await link(seller)
        await seller.send("DELETE", "/api/stripe/disconnect")
        assert await status(seller) == ("not_connected", None)
        assert await refusal(seller) == "not_connected"
        kept = await seller.get("/api/v1/stripe/transactions")
        assert [one["id"] for one in kept["items"]] == [sold["id"]], "what was recorded stays"


async def link(seller: Browser) -> None:
    """Stripe's page, the seller's yes, and back to the dashboard."""
    begun = await seller.get("/api/stripe/auth")
    page = await seller.open(begun["consentUrl"])
    form = page.form(offering="decision")
    page = await seller.submit(form, email=EMAIL, decision="allow")
    assert httpx.URL(page.url).params["connect"] == "ok"


async def status(seller: Browser) -> tuple[str, str | None]:
    listed = await seller.get("/api/connections")
    stripe = next(one for one in listed if one["provider"] == "stripe")
    return stripe["status"], stripe.get("accountId")


async def refusal(seller: Browser) -> str:
    try:
        await seller.get("/api/stripe/account")
    except Refused as refused:
        return refused.code
    raise AssertionError("Stripe's account was shown")


async def sell(system: System, key: str) -> str:
    """A sale in the seller's own account, of an Amazon order; answers the charge."""
    async with httpx.AsyncClient(
        base_url=system.urls.stripe, headers={"Authorization": f"Bearer {key}"}, trust_env=False
    ) as shop:
        customer = await post(shop, "customers", email="buyer@example.com")
        card = await post(shop, "payment_methods/pm_card_visa/attach", customer=customer["id"])
        intent = await post(
            shop,
            "payment_intents",
            amount="4200",
            currency="usd",
            customer=customer["id"],
            payment_method=card["id"],
            confirm="true",
            off_session="true",
            capture_method="automatic",
            **{
                "metadata[order_id]": ORDER,
                "automatic_payment_methods[enabled]": "true",
                "automatic_payment_methods[allow_redirects]": "never",
            },
        )
    return str(intent["latest_charge"])


async def post(shop: httpx.AsyncClient, path: str, **form: str) -> dict[str, Any]:
    answer = await shop.post(f"/v1/{path}", data=form)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found
