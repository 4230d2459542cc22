"""Register where Stripe delivers: exactly two endpoints, the platform's and that for connected accounts."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from stripe_payments.stripe_api.gateway import Stripe, WebhookEndpoint
from stripe_payments.webhooks.apply import CONNECT_EVENTS, HANDLERS

OLD_ALIASES = frozenset({"transfer.paid", "transfer.failed"})
"""Handled when they come, but Stripe knows them no more (ruling R4)."""
NAMES = {False: "opside-platform", True: "opside-connect"}


async def register_webhooks(stripe: Stripe, *, url: str) -> list[str]:
    """Create what is missing, update what differs, leave the rest; safe to run twice.

    Answers a line for each endpoint, with the signing secret of a new one: Stripe shows it only once.

    Raises:
        ValueError: the address is not https.
        OutcomeUnknown: Stripe did not answer; run it again.
    """
    parts = urlsplit(url)
    local = parts.hostname in {"127.0.0.1", "localhost"}
    if (parts.scheme != "https" and not local) or not parts.hostname:
        raise ValueError("--url must be an https address")
    there = await stripe.webhook_endpoints()
    return [await _ensure(stripe, there, url=url, connect=connect) for connect in (False, True)]


async def disable_webhooks(stripe: Stripe) -> list[str]:
    """Switch both endpoints off; `register_webhooks` switches them on again. Safe to run twice.

    Raises:
        OutcomeUnknown: Stripe did not answer; run it again.
    """
    ours = [one for one in await stripe.webhook_endpoints() if one.name in NAMES.values()]
    for endpoint in ours:
        if endpoint.enabled:
            await stripe.disable_webhook_endpoint(endpoint.id)
    return [f"{endpoint.name}: {endpoint.id} is off" for endpoint in ours]


def wanted_events(*, connect: bool) -> tuple[str, ...]:
    """The event types that this endpoint subscribes to."""
    if connect:
        return CONNECT_EVENTS
    return tuple(sorted(HANDLERS.keys() - OLD_ALIASES))


async def _ensure(
    stripe: Stripe, there: Sequence[WebhookEndpoint], *, url: str, connect: bool
) -> str:
    name, events = NAMES[connect], wanted_events(connect=connect)
    known = next((one for one in there if one.name == name), None)
    if known is None:
        made = await stripe.create_webhook_endpoint(
            url=url, events=events, connect=connect, name=name
        )
        variable = "STRIPE_CONNECT_WEBHOOK_SECRET" if connect else "STRIPE_WEBHOOK_SECRET"
        return f"{name}: created {made.id}; set {variable}={made.secret}"
    if known.url == url and set(known.events) == set(events) and known.enabled:
        return f"{name}: {known.id} is as it should be"
    await stripe.update_webhook_endpoint(known.id, url=url, events=events)
    return f"{name}: {known.id} updated"
