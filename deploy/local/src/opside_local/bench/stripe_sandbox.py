"""The Stripe sandbox beside the payments servers, and sellers who are ready to be charged and paid."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import asyncpg
import httpx

from opside_local import environment
from opside_local.bench.http_load import Connection
from opside_local.bench.payments import PaymentsPlace

GOOD_CARD = "pm_card_visa"
"""Stripe's own test card that is never refused."""
RETURN_URL = "https://example.com/"


@dataclass(frozen=True, slots=True)
class Seller:
    """A seller as Stripe knows him; his account may receive."""

    user_id: str
    customer_id: str
    card_id: str
    account_id: str


class StripeCaller:
    """Stripe over one bare connection: what a call costs there, and nothing else."""

    def __init__(self, url: str, secret_key: str) -> None:
        self._port = urlsplit(url).port or 0
        self._key = secret_key
        self._connection: Connection | None = None

    async def post(self, path: str, form: Mapping[str, Any], *, key: str = "") -> dict[str, Any]:
        """A call that changes something, under an idempotency key if one is given."""
        body = urlencode(form).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        headers |= {"Content-Length": str(len(body))} | ({"Idempotency-Key": key} if key else {})
        return await self._ask("POST", path, headers, body)

    async def get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A call that reads."""
        return await self._ask("GET", f"{path}?{urlencode(query or {})}", {}, b"")

    async def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            await self._connection.close()

    async def _ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> dict[str, Any]:
        if self._connection is None:
            self._connection = await Connection.open(self._port)
        own = {"Host": f"127.0.0.1:{self._port}", "Authorization": f"Bearer {self._key}", **headers}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in own.items())]
        answer = await self._connection.ask("\r\n".join([*lines, "", ""]).encode() + body)
        parsed: dict[str, Any] = json.loads(answer)
        return parsed


async def start_sandbox(payments: PaymentsPlace) -> None:
    """It delivers webhooks to the first of our ports."""
    place = payments.place
    await payments.start(
        "sandbox",
        "opside_sandbox",
        environment.sandbox(place),
        ready=f"{place.urls.control}/health",
    )


async def calls(payments: PaymentsPlace) -> int:
    """How many API calls the sandbox has answered."""
    async with httpx.AsyncClient(base_url=payments.place.urls.control, trust_env=False) as control:
        counted: Mapping[str, int] = (await control.get("/control/stripe/faults")).json()["calls"]
    return sum(counted.values())


async def make_sellers(payments: PaymentsPlace, user_ids: Sequence[str]) -> list[Seller]:
    """Customers with a card and onboarded accounts at Stripe, and our rows about them."""
    place = payments.place
    stripe = StripeCaller(place.urls.stripe, place.secrets.stripe_secret_key)
    sellers = [await _make(stripe, user_id) for user_id in user_ids]
    await stripe.close()
    connection = await asyncpg.connect(payments.admin_url)
    try:
        await connection.executemany(
            "INSERT INTO payments.stripe_customers (user_id, customer_id, payment_method_id)"
            " VALUES ($1, $2, $3)",
            [(one.user_id, one.customer_id, one.card_id) for one in sellers],
        )
        await connection.executemany(
            "INSERT INTO payments.stripe_accounts (user_id, account_id, country, transfers_active)"
            " VALUES ($1, $2, 'US', true)",
            [(one.user_id, one.account_id) for one in sellers],
        )
    finally:
        await connection.close()
    return sellers


async def _make(stripe: StripeCaller, user_id: str) -> Seller:
    customer = await stripe.post("/v1/customers", {"metadata[user]": user_id})
    card = await stripe.post(
        f"/v1/payment_methods/{GOOD_CARD}/attach", {"customer": customer["id"]}
    )
    account = await stripe.post(
        "/v1/accounts",
        {"type": "express", "country": "US", "capabilities[transfers][requested]": "true"},
    )
    link = await stripe.post(
        "/v1/account_links",
        {
            "account": account["id"],
            "type": "account_onboarding",
            "return_url": RETURN_URL,
            "refresh_url": RETURN_URL,
        },
    )
    await _onboard(link["url"])
    return Seller(user_id, customer["id"], card["id"], account["id"])


async def _onboard(url: str) -> None:
    """The seller fills in Stripe's page."""
    async with httpx.AsyncClient(trust_env=False) as browser:
        page = (await browser.get(url)).text
        session = page.partition('name="session" value="')[2].partition('"')[0]
        answer = await browser.post(url, data={"session": session, "decision": "complete"})
    if answer.status_code != httpx.codes.FOUND:
        raise ValueError(f"the onboarding page answered {answer.status_code}")
