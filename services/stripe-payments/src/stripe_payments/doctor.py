"""Is this installation fit to move money? The points that stripe-payments alone can see."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from opside_chassis.doctor import Point, Seen, cannot_tell, ok, wrong
from opside_chassis.doctor_points import Practice, fetch
from opside_chassis.settings import is_local_url
from stripe_payments.roles import AUDITOR
from stripe_payments.runtime import SCHEMA, SERVICE
from stripe_payments.settings import Settings
from stripe_payments.stripe_api.gateway import Stripe, WebhookEndpoint
from stripe_payments.stripe_api.live import LiveStripe
from stripe_payments.webhooks.register import NAMES, wanted_events

_REGISTER = "python -m stripe_payments.commands register-webhooks --url https://..."
_BAD_REQUEST = 400


@dataclass(frozen=True, slots=True)
class PaymentsPoints:
    """What Stripe and these settings say."""

    settings: Settings
    stripe: Stripe

    def points(self) -> Sequence[Point]:
        """Most of the go-live lists of S1 and S4."""
        mend = "correct STRIPE_SECRET_KEY, or see status.stripe.com"
        return (
            Point("live keys", "S1 S4", self._live),
            Point("platform account", "S1", self._account),
            Point("default price", "S1", self._price),
            Point("signing secrets", "S1 S3 S4", self._secrets),
            Point("Stripe answers", "S0 S1", self._answers, mend),
            Point("webhook endpoints", "S1 S3 S4", self._endpoints, mend),
            Point(
                "webhooks refuse forgeries", "S0 S1 S4", self._forgery, "see that proxies pass it"
            ),
        )

    def _live(self) -> Seen:
        if not self.settings.stripe_live_mode:
            return wrong("test keys", "set STRIPE_LIVE_MODE=true and the live STRIPE_SECRET_KEY")
        return ok("live keys, and live mode on")

    def _account(self) -> Seen:
        if not self.settings.stripe_platform_account_id.startswith("acct_"):
            return wrong("no account is named", "set STRIPE_PLATFORM_ACCOUNT_ID")
        return ok(self.settings.stripe_platform_account_id)

    def _price(self) -> Seen:
        if not self.settings.stripe_price_id:
            return cannot_tell("no default price", "set STRIPE_PRICE_ID if plans are sold")
        if not self.settings.stripe_price_id.startswith("price_"):
            return wrong("STRIPE_PRICE_ID is no price", "copy the id of the live price")
        return ok(self.settings.stripe_price_id)

    def _secrets(self) -> Seen:
        known = self.settings.webhook_secrets
        platform, connect = set(known["platform"]), set(known["connect"])
        if platform & connect:
            return wrong("both endpoints have one secret", "copy each endpoint's own secret")
        if len(platform) > 1 or len(connect) > 1:
            return wrong("a roll of secrets is not finished", "roll-webhooks finish")
        return ok("one for each endpoint")

    async def _answers(self) -> Seen:
        await self.stripe.ping()
        return ok("takes our key")

    async def _endpoints(self) -> Seen:
        there = [one for one in await self.stripe.webhook_endpoints() if one.enabled]
        for connect, name in NAMES.items():
            ours = [one for one in there if one.name == name]
            if len(ours) != 1:
                return wrong(f"{len(ours)} endpoints {name} are on, not one", _REGISTER)
            if problem := _problem(ours[0], wanted_events(connect=connect)):
                return wrong(f"{name} {problem}", _REGISTER)
        return ok("two, with exactly the events that we handle")

    async def _forgery(self) -> Seen:
        there = await self.stripe.webhook_endpoints()
        url = next((one.url for one in there if one.enabled and one.name in NAMES.values()), "")
        if not url:
            return cannot_tell("no endpoint is on", _REGISTER)
        answer = await fetch(url, method="POST", body={})
        if answer.status_code != _BAD_REQUEST:
            return wrong(
                f"{urlsplit(url).netloc} answers {answer.status_code} to an unsigned event",
                "let the proxy pass it on to stripe-payments",
            )
        return ok("an unsigned event is refused at the public address")


def _problem(endpoint: WebhookEndpoint, wanted: Sequence[str]) -> str:
    """What is wrong with one endpoint; empty when nothing is."""
    if is_local_url(endpoint.url):
        return f"delivers to {endpoint.url}"
    missing, more = set(wanted) - set(endpoint.events), set(endpoint.events) - set(wanted)
    if missing:
        return f"lacks {min(missing)}"
    return f"has {min(more)} too" if more else ""


@asynccontextmanager
async def _own(settings: Settings) -> AsyncIterator[Sequence[Point]]:
    live = LiveStripe(settings)
    try:
        yield PaymentsPoints(settings, live).points()
    finally:
        await live.close()


PRACTICE = Practice(SERVICE, SCHEMA, Settings, _own, role=AUDITOR)
