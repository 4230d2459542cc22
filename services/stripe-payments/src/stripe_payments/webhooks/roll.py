"""A new signing secret without a lost event.

Stripe's API cannot roll the secret of an endpoint: a second endpoint is made beside the first, both deliver
for a while (an event that comes twice has one effect), then the first one goes.
"""

from collections.abc import Sequence

from opside_chassis.key_steps import NotYet
from stripe_payments.settings import WebhookSecrets
from stripe_payments.stripe_api.gateway import Stripe, WebhookEndpoint
from stripe_payments.webhooks.register import NAMES, wanted_events

VARIABLES = {False: "STRIPE_WEBHOOK_SECRET", True: "STRIPE_CONNECT_WEBHOOK_SECRET"}
KIND = {False: "platform", True: "connect"}
DURING_A_ROLL = 2
"""Secrets of one endpoint."""

KeySettings = dict[str, object]


def next_name(*, connect: bool) -> str:
    """What the second endpoint is called until it is the only one."""
    return f"{NAMES[connect]}-next"


async def begin(stripe: Stripe, secrets: WebhookSecrets, *, connect: bool) -> KeySettings:
    """Make the second endpoint, switched off; both secrets are to be accepted from now on.

    Repeated, it changes nothing; when the first time ended before its secret was kept, it starts anew.

    Raises:
        NotYet: there is no first endpoint.
        OutcomeUnknown: Stripe did not answer; run it again.
    """
    there = await stripe.webhook_endpoints()
    old = _find(there, NAMES[connect])
    if old is None:
        raise NotYet(f"{NAMES[connect]} is not registered; run register-webhooks first")
    known = secrets[KIND[connect]]
    waiting = _find(there, next_name(connect=connect))
    if waiting and len(known) == DURING_A_ROLL:
        return {}
    if waiting:
        await stripe.delete_webhook_endpoint(waiting.id)
    made = await stripe.create_webhook_endpoint(
        url=old.url,
        events=wanted_events(connect=connect),
        connect=connect,
        name=next_name(connect=connect),
    )
    # What it would deliver before we know its secret, the first endpoint delivers too.
    await stripe.disable_webhook_endpoint(made.id)
    return {VARIABLES[connect]: f"{known[0]},{made.secret}"}


async def switch(stripe: Stripe, secrets: WebhookSecrets, *, connect: bool) -> None:
    """Both endpoints deliver from now on.

    Raises `NotYet` when the second one, or its secret, is not there.
    """
    made = _find(await stripe.webhook_endpoints(), next_name(connect=connect))
    if made is None or len(secrets[KIND[connect]]) < DURING_A_ROLL:
        raise NotYet(f"no roll of {NAMES[connect]} has begun; run roll-webhooks begin")
    events = wanted_events(connect=connect)
    await stripe.update_webhook_endpoint(made.id, url=made.url, events=events)


async def finish(stripe: Stripe, secrets: WebhookSecrets, *, connect: bool) -> KeySettings:
    """The first endpoint goes, the second takes its name; its secret alone is accepted from now on.

    Repeated, it takes up where it ended. Raises `NotYet` before `switch`.
    """
    there = await stripe.webhook_endpoints()
    old, made = _find(there, NAMES[connect]), _find(there, next_name(connect=connect))
    if made is not None and not made.enabled:
        raise NotYet(f"{made.name} delivers nothing yet; run roll-webhooks switch")
    if made is not None:
        if old is not None:
            await stripe.delete_webhook_endpoint(old.id)
        await stripe.update_webhook_endpoint(
            made.id, url=made.url, events=made.events, name=NAMES[connect]
        )
    known = secrets[KIND[connect]]
    return {VARIABLES[connect]: known[-1]} if len(known) == DURING_A_ROLL else {}


def _find(there: Sequence[WebhookEndpoint], name: str) -> WebhookEndpoint | None:
    return next((one for one in there if one.name == name), None)
