"""A running system whose engines may be killed, with an administrator and two sellers in it."""

import asyncio
import base64
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from opside_chassis.http_client import ServiceClient
from opside_chassis.keyring import SigningKey
from opside_chassis.service_token import ServiceTokens
from opside_chassis.testing.engines import (
    EmbeddedPostgres,
    EmbeddedRedis,
    EngineFailed,
    free_port,
)
from opside_chassis.testing.scratch import scratch_folder
from opside_contracts.payments.client import PaymentsClient
from opside_contracts.payments.messages import Collection, ConnectAccount
from opside_local.engines import DATABASE
from opside_local.environment import Servers
from opside_local.journey.browser import Browser
from opside_local.journey.cards import finish_onboarding, save_card
from opside_local.journey.people import CLEO, DORA, OLGA, Person
from opside_local.journey.signing_in import sign_in, sign_in_admin
from opside_local.journey.waiting import until
from opside_local.secrets import INTEGRATIONS, MAIN_API, PAYMENTS
from opside_local.system import System, running, worker_of

WORKER = worker_of(PAYMENTS)
SECOND_WORKER = f"{WORKER}-2"
OUTAGE_SECONDS = 0.5
MOST_STARTS = 10

Engine = EmbeddedPostgres | EmbeddedRedis


@dataclass(frozen=True, slots=True)
class Payer:
    """A seller who pays fees, and how."""

    user_id: str
    collection: Collection


@dataclass(frozen=True, slots=True)
class House:
    """Three services, two workers of stripe-payments, engines of our own, people."""

    system: System
    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    payments: PaymentsClient
    """stripe-payments as main-api calls it."""
    admin: Browser
    net: Payer
    """His fees alone are charged."""
    gross: Payer
    """All that he recovered is charged, and his share sent to him."""

    async def start(self, name: str) -> None:
        """Start a program; the second worker is the first one's twin."""
        if name == SECOND_WORKER:
            await self.system.crew.start(replace(self.system.programs[WORKER], name=name))
        else:
            await self.system.start(name)

    async def crash(self, engine: Engine) -> None:
        """SIGKILL, so that it writes nothing down, and a start on the same port and data."""
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
        engine.stop()
        for _ in range(MOST_STARTS):
            await asyncio.sleep(OUTAGE_SECONDS)
            # Postgres refuses for as long as a process of the dead server is still busy.
            with suppress(EngineFailed):
                engine.start()
                return
        engine.start()

    async def interrupted_jobs(self) -> int:
        """Jobs of stripe-payments whose worker, or database, died while they ran."""
        count = "SELECT count(*) FROM payments.outbox WHERE failures > 0 AND last_error IS NULL"
        return await _ask(self.postgres, DATABASE, count)


@asynccontextmanager
async def open_house(*, record: Path) -> AsyncIterator[House]:
    """Everything fresh, in a folder that is gone afterwards; what Stripe hears is recorded."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_context
        folder = enter(scratch_folder())
        postgres = enter(EmbeddedPostgres(folder / "postgres", port=free_port()))
        redis = enter(EmbeddedRedis(folder / "redis", port=free_port()))
        await _ask(postgres, "postgres", f"CREATE DATABASE {DATABASE}")
        servers = Servers(postgres.url(DATABASE), redis.url)
        system = await stack.enter_async_context(
            running(folder / "state", servers=servers, record=record)
        )
        admin, net, gross = [
            await stack.enter_async_context(Browser(system.urls.main_api)) for _ in range(3)
        ]
        payments = ServiceClient(system.urls.payments, PAYMENTS, tokens_of(system, MAIN_API))
        stack.push_async_callback(payments.close)
        house = House(
            system=system,
            postgres=postgres,
            redis=redis,
            payments=PaymentsClient(payments),
            admin=admin,
            net=Payer(await _move_in(system, net, CLEO), Collection.FEE_ONLY),
            gross=Payer(await _move_in(system, gross, DORA), Collection.GROSS),
        )
        await sign_in_admin(admin, OLGA, system)
        await _open_account(house, gross)
        await house.start(SECOND_WORKER)
        # It knows none of these recoveries: what it is told of their fees may wait in its inbox.
        await system.stop(worker_of(MAIN_API))
        yield house


def tokens_of(system: System, service: str) -> ServiceTokens:
    """What this service shows to the others."""
    drawn = system.place.secrets.service_keys[service]
    seed = base64.urlsafe_b64decode(f"{drawn.private_key}=")
    key = SigningKey(drawn.kid, service, Ed25519PrivateKey.from_private_bytes(seed))
    return ServiceTokens(key, service)


async def _move_in(system: System, browser: Browser, person: Person) -> str:
    """Sign in and save a card; answers the user's id once the card is known."""
    me = await sign_in(browser, person, connect=False)
    await save_card(
        browser,
        stripe_url=system.urls.stripe,
        publishable_key=system.place.secrets.stripe_publishable_key,
    )
    await until(
        lambda: browser.get("/api/v1/stripe/payment-methods"),
        done=lambda saved: any(card["chargedByDefault"] for card in saved["cards"]),
        what="the webhook of the saved card",
    )
    return str(me["userId"])


async def _open_account(house: House, browser: Browser) -> None:
    """The account that a seller's share is sent to."""
    user_id = house.gross.user_id
    # Only integrations-backend may ask for accounts.
    http = ServiceClient(
        house.system.urls.payments, PAYMENTS, tokens_of(house.system, INTEGRATIONS)
    )
    try:
        await PaymentsClient(http).connect_account(
            ConnectAccount(user_id=user_id), idempotency_key=f"connect-{user_id}"
        )
    finally:
        await http.close()
    await finish_onboarding(browser, user_id)


async def _ask(server: EmbeddedPostgres, database: str, query: str) -> Any:
    """As the database's administrator."""
    connection = await asyncpg.connect(server.url(database))
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()
