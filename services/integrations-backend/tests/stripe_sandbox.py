"""The Stripe sandbox as the service sees it, and a seller with an account of his own there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from sandbox import Sandbox
from service import Service

from integrations_backend.settings import Settings
from integrations_backend.stripe_oauth_api.live import LiveStripe
from opside_chassis.http_client import provider_client

EMAIL = "ada@shop.example"


def stripe_settings(sandbox: Sandbox) -> dict[str, str]:
    """What the service needs to take the sandbox for Stripe."""
    client = {
        "stripe_client_id": "ca_sandboxPlatform0123456789",
        "stripe_client_secret": "sk_" + "test_" + "platform0123456789",
    }
    return client | dict.fromkeys(("stripe_connect_url", "stripe_api_base_url"), sandbox.stripe)


@asynccontextmanager
async def live_stripe(settings: Settings, *, page_size: int = 3) -> AsyncIterator[LiveStripe]:
    """The real client, as `open_runtime` makes it, with small pages."""
    connect = provider_client(settings.stripe_connect_url, timeout_seconds=5)
    api = provider_client(settings.stripe_api_base_url, timeout_seconds=5)
    try:
        yield LiveStripe(settings, connect, api, page_size=page_size)
    finally:
        await connect.aclose()
        await api.aclose()


@dataclass(frozen=True)
class Shop:
    """A seller's own Stripe account, in which he sells with his own key."""

    sandbox: Sandbox
    account: str
    key: str

    @classmethod
    def of(cls, sandbox: Sandbox, email: str = EMAIL) -> "Shop":
        opened = sandbox.ask("stripe/people", email=email)
        return cls(sandbox, opened["account"], opened["secret_key"])

    def sell(self, amount: int = 4_200, **metadata: str) -> str:
        """A paid charge whose balance transaction is there at once; answers the charge's id."""
        customer = self._post("customers", email="buyer@example.com")["id"]
        card = self._post("payment_methods/pm_card_visa/attach", customer=customer)["id"]
        intent = self._post(
            "payment_intents",
            **{f"metadata[{name}]": value for name, value in metadata.items()},
            amount=str(amount),
            currency="usd",
            customer=customer,
            payment_method=card,
            confirm="true",
            off_session="true",
            capture_method="automatic",
            **{
                "automatic_payment_methods[enabled]": "true",
                "automatic_payment_methods[allow_redirects]": "never",
            },
        )
        return str(intent["latest_charge"])

    def refund(self, charge: str) -> str:
        return str(self._post("refunds", charge=charge)["id"])

    def revoke(self) -> None:
        """The seller takes our access away in his own dashboard."""
        url = f"{self.sandbox.control}/control/stripe/people/{self.account}/revoke"
        httpx.post(url).raise_for_status()

    def _post(self, path: str, **form: str) -> dict[str, str]:
        answer = httpx.post(
            f"{self.sandbox.stripe}/v1/{path}",
            data=form,
            headers={"Authorization": f"Bearer {self.key}"},
        )
        assert answer.is_success, answer.text
        found: dict[str, str] = answer.json()
        return found


async def begin(service: Service, user_id: str) -> str:
    """Stripe's page for a signed-in user."""
    async with service.as_user(user_id) as browser:
        answer = await browser.get("/api/stripe/auth")
    assert answer.status_code == 200, answer.text
    return str(answer.json().get("consentUrl") or "")


async def decide(consent_url: str, *, email: str = EMAIL, **changes: str) -> dict[str, str]:
    """Submit Stripe's form; answers what comes back with the browser."""
    url = httpx.URL(consent_url)
    form = {**dict(url.params), "email": email, "decision": "allow"} | changes
    async with httpx.AsyncClient() as browser:
        page = await browser.post(str(url.copy_with(query=None)), data=form)
    assert page.status_code == 302, page.text
    return dict(httpx.URL(page.headers["location"]).params)


async def returned(service: Service, user_id: str, query: dict[str, str]) -> str:
    """Stripe's return in the user's browser; answers how the dashboard was told."""
    async with service.as_user(user_id) as browser:
        answer = await browser.get("/api/stripe/callback", params=query)
    assert answer.status_code == 302, answer.text
    assert httpx.URL(answer.headers["location"]).params["provider"] == "stripe"
    return httpx.URL(answer.headers["location"]).params["connect"]


async def link(service: Service, user_id: str, *, email: str = EMAIL) -> str:
    """The whole consent."""
    return await returned(
        service, user_id, await decide(await begin(service, user_id), email=email)
    )


async def stripe_status(service: Service, user_id: str) -> tuple[str, str | None]:
    async with service.as_user(user_id) as browser:
        listed = (await browser.get("/api/connections")).json()
    stripe = next(one for one in listed if one["provider"] == "stripe")
    return stripe["status"], stripe.get("accountId")
