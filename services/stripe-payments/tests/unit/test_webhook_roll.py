"""Signing secrets are rolled; at every moment every event reaches us with a secret that we accept."""

import time
from collections.abc import Awaitable, Callable

import pytest
from door import settings_of, signed
from fakes.stripe_fake import FakeStripe, unknown

from opside_chassis.key_steps import NotYet
from opside_chassis.testing.plugin import Signing
from stripe_payments.settings import Settings, WebhookSecrets
from stripe_payments.stripe_api.errors import OutcomeUnknown
from stripe_payments.webhooks.register import NAMES, register_webhooks, wanted_events
from stripe_payments.webhooks.roll import KIND, VARIABLES, begin, finish, switch
from stripe_payments.webhooks.signature import BadSignature, endpoint_of

URL = "https://payments.example.com/webhooks/stripe"
BODY = b'{"id": "evt_1"}'


class Shop:
    """Stripe, and the secrets that our processes accept."""

    def __init__(self, stripe: FakeStripe, settings: Settings) -> None:
        self.stripe = stripe
        names = {endpoint.name: stripe.secrets[endpoint.id] for endpoint in stripe.endpoints}
        self.settings = settings.model_copy()
        self.accepted: WebhookSecrets = {
            KIND[connect]: (names[name],) for connect, name in NAMES.items()
        }

    def take(self, changes: dict[str, object]) -> None:
        for connect, variable in VARIABLES.items():
            if variable in changes:
                self.accepted[KIND[connect]] = tuple(str(changes[variable]).split(","))

    def an_event_arrives(self, *, connect: bool) -> bool:
        """Of those endpoints that are switched on, one at least has its delivery accepted."""
        on = [
            one
            for one in self.stripe.endpoints
            if one.enabled and one.name.startswith(NAMES[connect])
        ]
        return any(self._accepted(self.stripe.secrets[one.id], connect=connect) for one in on)

    def _accepted(self, secret: str, *, connect: bool) -> bool:
        header = signed(BODY, secret)["Stripe-Signature"]
        try:
            return endpoint_of(BODY, header, self.accepted, now=time.time()) == KIND[connect]
        except BadSignature:
            return False

    async def begin(self, *, connect: bool) -> None:
        self.take(await begin(self.stripe, self.accepted, connect=connect))

    async def switch(self, *, connect: bool) -> None:
        await switch(self.stripe, self.accepted, connect=connect)

    async def finish(self, *, connect: bool) -> None:
        self.take(await finish(self.stripe, self.accepted, connect=connect))


@pytest.fixture
async def shop(signing: Signing) -> Shop:
    stripe = FakeStripe()
    await register_webhooks(stripe, url=URL)
    return Shop(stripe, settings_of(signing))


@pytest.mark.parametrize("connect", [False, True])
async def test_no_event_is_lost_at_any_step(shop: Shop, *, connect: bool) -> None:
    before = shop.accepted[KIND[connect]]
    for step in (shop.begin, shop.begin, shop.switch, shop.switch, shop.finish, shop.finish):
        await step(connect=connect)
        assert shop.an_event_arrives(connect=connect)
        assert shop.an_event_arrives(connect=not connect), "the other endpoint is left alone"
    assert len(shop.accepted[KIND[connect]]) == 1
    assert shop.accepted[KIND[connect]] != before
    assert sorted(one.name for one in shop.stripe.endpoints) == sorted(NAMES.values())
    lines = await register_webhooks(shop.stripe, url=URL)
    assert all("as it should be" in line for line in lines), lines


OPERATIONS = (
    "webhook_endpoints",
    "create_webhook_endpoint",
    "disable_webhook_endpoint",
    "update_webhook_endpoint",
    "delete_webhook_endpoint",
)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_step_that_broke_is_taken_again(shop: Shop, operation: str) -> None:
    """Stripe did not answer to one call of each kind, and the operator repeats the step."""
    shop.stripe.fail[operation, "before"] = [unknown()]

    async def patiently(step: Callable[..., Awaitable[None]]) -> None:
        try:
            await step(connect=False)
        except OutcomeUnknown:
            assert shop.an_event_arrives(connect=False)
            await step(connect=False)
        assert shop.an_event_arrives(connect=False)

    for step in (shop.begin, shop.switch, shop.finish):
        await patiently(step)
    assert shop.stripe.fail[operation, "before"] == []
    assert len(shop.accepted["platform"]) == 1
    assert sorted(one.name for one in shop.stripe.endpoints) == sorted(NAMES.values())


async def test_a_secret_that_was_never_kept_is_drawn_anew(shop: Shop) -> None:
    """The program died between Stripe's answer and the key file."""
    await begin(shop.stripe, shop.accepted, connect=False)
    await shop.begin(connect=False)
    assert len(shop.stripe.endpoints) == 3
    for step in (shop.switch, shop.finish):
        await step(connect=False)
        assert shop.an_event_arrives(connect=False)


async def test_steps_out_of_order_are_refused(shop: Shop) -> None:
    with pytest.raises(NotYet, match="begin"):
        await shop.switch(connect=False)
    await shop.begin(connect=False)
    with pytest.raises(NotYet, match="switch"):
        await shop.finish(connect=False)
    with pytest.raises(NotYet, match="register-webhooks"):
        await begin(FakeStripe(), shop.accepted, connect=False)


async def test_the_second_endpoint_hears_of_the_same_events(shop: Shop) -> None:
    await shop.begin(connect=True)
    await shop.switch(connect=True)
    wanted = set(wanted_events(connect=True))
    both = [set(one.events) for one in shop.stripe.endpoints if "connect" in one.name]
    assert both == [wanted, wanted]
