"""Short ways to the situations that the tests start from."""

import re
from typing import Any

import httpx
import stripe
from sandbox_process import PUBLISHABLE_KEY, Sandbox
from stripe_contract import CONTRACT

NO_REDIRECTS = {"enabled": True, "allow_redirects": "never"}


def customer_with(api: stripe.StripeClient, card: str = "pm_card_visa") -> tuple[Any, Any]:
    """A customer and an attached card."""
    customer = api.v1.customers.create({"email": "seller@example.com"})
    method = api.v1.payment_methods.attach(card, {"customer": customer.id})
    return customer, method


def intent_for(
    api: stripe.StripeClient, customer: Any, method: Any, amount: int = 2000, **more: Any
) -> Any:
    """An unconfirmed intent."""
    return api.v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": method.id,
            "automatic_payment_methods": NO_REDIRECTS,
            **more,
        }
    )


def paid(api: stripe.StripeClient, amount: int = 2000, card: str = "pm_card_visa") -> Any:
    """A succeeded intent."""
    customer, method = customer_with(api, card)
    intent = intent_for(api, customer, method, amount)
    return api.v1.payment_intents.confirm(intent.id, {"off_session": True})


def onboarded(api: stripe.StripeClient) -> Any:
    """An Express account that has been through its onboarding page."""
    account = api.v1.accounts.create(
        {"type": "express", "country": "US", "capabilities": {"transfers": {"requested": True}}}
    )
    assert onboard(api, account.id).headers["location"] == "https://app.test/done"
    return api.v1.accounts.retrieve(account.id)


def onboard(api: stripe.StripeClient, account_id: str, **answers: str) -> httpx.Response:
    """Go through the page as a browser does; answers the reply to the posted form."""
    link = api.v1.account_links.create(
        {
            "account": account_id,
            "type": "account_onboarding",
            "refresh_url": "https://app.test/again",
            "return_url": "https://app.test/done",
        }
    )
    page = httpx.get(link.url)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    return httpx.post(link.url, data={**fields, "decision": "complete", **answers})


def browser(sandbox: Sandbox, method: str, path: str, **fields: str) -> tuple[int, Any]:
    """A call with the publishable key, as Stripe.js makes it."""
    answer = httpx.request(
        method,
        sandbox.stripe + path,
        headers={"authorization": f"Bearer {PUBLISHABLE_KEY}"},
        **({"params": fields} if method == "GET" else {"data": fields}),
    )
    body = answer.request.content.decode()
    url = str(answer.request.url)
    CONTRACT.exchange(method, url, body, answer.status_code, answer.json(), whole=False)
    return answer.status_code, answer.json()
