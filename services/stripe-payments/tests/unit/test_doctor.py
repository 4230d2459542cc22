"""Each point of the doctor that concerns Stripe, seen red once."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from door import settings_of
from fakes.stripe_fake import FakeStripe

from opside_chassis.doctor import Finding, Verdict, examine
from opside_chassis.testing.plugin import Signing
from stripe_payments.doctor import PaymentsPoints
from stripe_payments.webhooks.register import register_webhooks

URL = "https://payments.example.com/webhooks/stripe"
LIVE = {
    "stripe_secret_key": "sk_" + "live_" + "x" * 24,
    "stripe_live_mode": True,
    "stripe_platform_account_id": "acct_1",
    "stripe_price_id": "price_1",
}
Break = Callable[[FakeStripe], None]


async def seen(signing: Signing, stripe: FakeStripe, **changes: Any) -> dict[str, Finding]:
    points = PaymentsPoints(settings_of(signing, **(LIVE | changes)), stripe).points()
    # The public address is nobody's: what it would answer is tested over real HTTP elsewhere.
    looks = [point for point in points if point.name != "webhooks refuse forgeries"]
    return {finding.point: finding for finding in await examine("payments", looks)}


@pytest.fixture
async def stripe() -> FakeStripe:
    stripe = FakeStripe()
    await register_webhooks(stripe, url=URL)
    return stripe


async def test_a_good_installation_is_green(signing: Signing, stripe: FakeStripe) -> None:
    found = await seen(signing, stripe)
    assert {finding.verdict for finding in found.values()} == {Verdict.OK}, found


SAME = secrets.token_urlsafe(24)


@pytest.mark.parametrize(
    ("point", "broken", "says"),
    [
        (
            "live keys",
            {"stripe_live_mode": False, "stripe_secret_key": "sk_" + "test_" + "x" * 24},
            "test keys",
        ),
        ("platform account", {"stripe_platform_account_id": ""}, "no account"),
        ("default price", {"stripe_price_id": "prod_1"}, "is no price"),
        (
            "signing secrets",
            {"stripe_webhook_secret": SAME, "stripe_connect_webhook_secret": SAME},
            "one secret",
        ),
        ("signing secrets", {"stripe_webhook_secret": f"{SAME},{SAME}2"}, "not finished"),
    ],
)
async def test_a_broken_setting_is_red(
    signing: Signing, stripe: FakeStripe, point: str, broken: dict[str, Any], says: str
) -> None:
    found = (await seen(signing, stripe, **broken))[point]
    assert (found.verdict, bool(found.mend)) == (Verdict.WRONG, True)
    assert says in found.says


def _without_one_event(stripe: FakeStripe) -> None:
    first, *others = stripe.endpoints
    stripe.endpoints = [replace(first, events=first.events[1:]), *others]


def _with_one_event_more(stripe: FakeStripe) -> None:
    first, *others = stripe.endpoints
    stripe.endpoints = [replace(first, events=(*first.events, "source.canceled")), *others]


def _to_this_machine(stripe: FakeStripe) -> None:
    stripe.endpoints = [replace(one, url="http://127.0.0.1:4000") for one in stripe.endpoints]


def _switched_off(stripe: FakeStripe) -> None:
    stripe.endpoints = [replace(one, enabled=False) for one in stripe.endpoints]


def _none(stripe: FakeStripe) -> None:
    stripe.endpoints = []


def _twice(stripe: FakeStripe) -> None:
    stripe.endpoints = [*stripe.endpoints, *stripe.endpoints]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (_without_one_event, "lacks"),
        (_with_one_event_more, "has source.canceled too"),
        (_to_this_machine, "delivers to"),
        (_switched_off, "0 endpoints"),
        (_none, "0 endpoints"),
        (_twice, "2 endpoints"),
    ],
)
async def test_broken_endpoints_are_red(
    signing: Signing, stripe: FakeStripe, broken: Break, says: str
) -> None:
    broken(stripe)
    found = (await seen(signing, stripe))["webhook endpoints"]
    assert (found.verdict, bool(found.mend)) == (Verdict.WRONG, True)
    assert says in found.says


@pytest.mark.parametrize(
    ("status", "verdict"),
    [("400 Bad Request", Verdict.OK), ("200 OK", Verdict.WRONG), ("404 Not Found", Verdict.WRONG)],
)
async def test_an_unsigned_event_must_be_refused_at_the_public_address(
    signing: Signing, status: str, verdict: Verdict
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    stripe = FakeStripe()
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await register_webhooks(stripe, url=f"http://127.0.0.1:{port}/webhooks/stripe")
        points = PaymentsPoints(settings_of(signing, **LIVE), stripe).points()
        found = await examine("payments", [points[-1]])
    assert (found[0].point, found[0].verdict) == ("webhooks refuse forgeries", verdict)


async def test_without_an_endpoint_nobody_can_tell_about_forgeries(signing: Signing) -> None:
    points = PaymentsPoints(settings_of(signing, **LIVE), FakeStripe()).points()
    assert (await examine("payments", [points[-1]]))[0].verdict is Verdict.CANNOT_TELL


class Away(FakeStripe):
    """Stripe does not answer."""

    async def ping(self) -> None:
        raise httpx.ConnectError("away")


async def test_a_stripe_that_is_away_is_red(signing: Signing) -> None:
    assert (await seen(signing, Away()))["Stripe answers"].verdict is Verdict.WRONG
