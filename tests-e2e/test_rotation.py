"""Keys change under load: every request of the whole rotation is answered, none by a refusal."""

import asyncio
import hmac
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from opside_chassis.key_file import LOOK_EVERY_SECONDS
from opside_chassis.key_steps import change
from opside_chassis.keyring import SigningKey
from opside_chassis.service_token import ServiceTokens
from opside_chassis.settings import ServiceSettings, read
from opside_chassis.testing.scratch import scratch_folder
from opside_chassis.vault import Vault, key_from_text
from opside_contracts import scopes
from opside_local import environment
from opside_local.journey.browser import Browser
from opside_local.journey.people import ADA, CLEO
from opside_local.journey.signing_in import sign_in
from opside_local.key_files import keys_file
from opside_local.secrets import INTEGRATIONS, MAIN_API, PAYMENTS
from opside_local.system import System, running

RATE = {"user reads": 25, "service calls": 35, "webhooks": 40}
"""Requests a second of each kind: a hundred in all."""
SETTLE_SECONDS = 2 * LOOK_EVERY_SECONDS
STORED = 300
"""Connections of other users, whose tokens lie in the vault."""
MOST_AT_ONCE = 40
TIMEOUT_SECONDS = 30.0
LEAST = 200
"""Requests of each kind; a machine that is shared may be slow, but it must be a load all the same."""

Ask = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]


@dataclass
class Load:
    """Requests at a steady pace until told to stop, and what came of them."""

    asks: Mapping[str, Ask]
    answered: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Load"]:
        """For the length of a block."""
        limits = httpx.Limits(max_connections=MOST_AT_ONCE)
        stop = asyncio.Event()
        async with (
            httpx.AsyncClient(limits=limits, timeout=TIMEOUT_SECONDS, trust_env=False) as http,
            asyncio.TaskGroup() as group,
        ):
            for kind in self.asks:
                group.create_task(self._pace(kind, http, stop))
            try:
                yield self
            finally:
                stop.set()

    async def _pace(self, kind: str, http: httpx.AsyncClient, stop: asyncio.Event) -> None:
        places = asyncio.Semaphore(MOST_AT_ONCE // len(self.asks))
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                await places.acquire()
                group.create_task(self._one(kind, http, places))
                await asyncio.sleep(1 / RATE[kind])

    async def _one(self, kind: str, http: httpx.AsyncClient, places: asyncio.Semaphore) -> None:
        try:
            answer = await self.asks[kind](http)
            if answer.is_success:
                self.answered[kind] += 1
            else:
                self.failed.append(f"{kind}: {answer.status_code} {answer.text[:200]}")
        except httpx.HTTPError as error:
            self.failed.append(f"{kind}: {error!r}")
        finally:
            places.release()


@dataclass
class Rotating:
    """The system, its key files, a seller's browser, and a caller that follows main-api's keys."""

    system: System
    browser: Browser
    user_id: str
    tokens: ServiceTokens
    webhook_secret: str
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1_000_000)))

    @property
    def keys(self) -> Path:
        assert self.system.place.keys is not None
        return self.system.place.keys

    def held(self, service: str) -> dict[str, Any]:
        return dict(json.loads(keys_file(self.keys, service).read_text()))

    async def user_read(self, http: httpx.AsyncClient) -> httpx.Response:
        """Through the gateway, with a session's cookie."""
        url = f"{self.system.urls.main_api}/api/v1/stripe/payment-methods"
        return await http.get(url, headers={"Cookie": self.browser.proof()["Cookie"]})

    def service_token(self) -> str:
        return self.tokens.mint(
            audience=INTEGRATIONS,
            scope=scopes.ACT_FOR_USER,
            act_for=self.user_id,
            act_role="user",
        )

    async def service_call(
        self, http: httpx.AsyncClient, token: str | None = None
    ) -> httpx.Response:
        """main-api asks integrations-backend for a list of the seller's."""
        url = f"{self.system.urls.integrations}/api/cases"
        bearer = {"Authorization": f"Bearer {token or self.service_token()}"}
        return await http.get(url, headers=bearer)

    async def webhook(self, http: httpx.AsyncClient) -> httpx.Response:
        """Stripe delivers an event of its own."""
        return await self.deliver(http, self.webhook_secret)

    async def deliver(self, http: httpx.AsyncClient, secret: str) -> httpx.Response:
        number = next(self.numbers)
        event = {
            "id": f"evt_rotation{number:07}",
            "object": "event",
            "type": "plan.created",
            "created": int(time.time()),
            "livemode": False,
            "api_version": "2026-05-27.dahlia",
            "data": {"object": {"id": f"plan_{number}", "object": "plan"}},
        }
        body, stamp = json.dumps(event).encode(), str(int(time.time()))
        signature = hmac.new(secret.encode(), f"{stamp}.".encode() + body, sha256).hexdigest()
        return await http.post(
            f"{self.system.urls.payments}/webhooks/stripe",
            content=body,
            headers={"Stripe-Signature": f"t={stamp},v1={signature}"},
        )

    async def run(self, module: str, *arguments: str, wrong: bool = False) -> str:
        """An operator's command, in the environment of integrations-backend."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            env=environment.machine(environment.service(self.system.place, INTEGRATIONS)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await asyncio.wait_for(process.communicate(), 60)
        assert (process.returncode != 0) is wrong, said.decode()
        return said.decode()

    async def jwt(self, step: str) -> str:
        overlap = ("--overlap-seconds", str(SETTLE_SECONDS))
        module = "opside_chassis.rotate_jwt"
        return await self.run(module, step, "--folder", str(self.keys), *overlap)

    async def vault(self, *arguments: str, wrong: bool = False) -> str:
        return await self.run("integrations_backend.commands", "vault", *arguments, wrong=wrong)


@asynccontextmanager
async def rotating() -> AsyncIterator[Rotating]:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(scratch_folder())
        system = await stack.enter_async_context(running(folder / "state", key_files=True))
        browser = await stack.enter_async_context(Browser(system.urls.main_api))
        me = await sign_in(browser, ADA)
        assert system.place.keys is not None
        # A caller like any other process of main-api: it reads the file again by itself.
        settings = read(
            ServiceSettings,
            port=1,
            database_url="postgresql://nobody@127.0.0.1:1/none",
            redis_url="redis://127.0.0.1:1/0",
            keys_file=str(keys_file(system.place.keys, MAIN_API)),
        )
        tokens = ServiceTokens(SigningKey.reread(settings, issuer=MAIN_API), MAIN_API)
        secret = system.place.secrets.webhook_secret
        yield Rotating(system, browser, str(me["userId"]), tokens, secret)


async def store_tokens(house: Rotating) -> None:
    """Connections of many users, sealed as the service seals them."""
    held = house.held(INTEGRATIONS)
    kid = held["ENCRYPTION_KEY_ID"]
    vault = Vault({kid: key_from_text(held["ENCRYPTION_KEY"])}, active_kid=kid)
    rows = []
    for number in range(STORED):
        user_id = f"usr_stored{number}"
        bound = {"user_id": user_id, "provider": "gmail"}
        sealed = [
            vault.seal(f"{field} of {user_id}", field=field, **bound)
            for field in ("access_token", "refresh_token")
        ]
        rows.append((user_id, "gmail", *sealed))
    async with administrator(house) as connection:
        await connection.executemany(
            "INSERT INTO integrations.oauth_tokens"
            " (user_id, provider, access_token, refresh_token, expires_at)"
            " VALUES ($1, $2, $3, $4, now() + interval '1 day')",
            rows,
        )


@asynccontextmanager
async def administrator(house: Rotating) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(house.system.place.servers.admin_database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def rotate_signing_keys(house: Rotating) -> None:
    await house.jwt("publish")
    await asyncio.sleep(SETTLE_SECONDS)
    await house.jwt("sign")
    await asyncio.sleep(SETTLE_SECONDS)
    # A page does so every ten minutes: within one lifetime of the longest token.
    await house.browser.send("POST", "/api/auth/refresh")
    await house.jwt("drop")


async def rotate_vault(house: Rotating) -> None:
    old = house.held(INTEGRATIONS)["ENCRYPTION_KEY_ID"]
    settle = ("--settle-seconds", str(SETTLE_SECONDS))
    kid = (await house.vault("publish")).split()[-1]
    await asyncio.sleep(SETTLE_SECONDS)
    await house.vault("seal", "--key-id", kid, *settle)
    await asyncio.sleep(SETTLE_SECONDS)
    refused = await house.vault("drop", "--key-id", old, *settle, wrong=True)
    assert "run reseal first" in refused
    await house.vault("reseal")
    await house.vault("drop", "--key-id", old, *settle)


async def roll_webhook_secret(house: Rotating) -> str:
    """Both count while Stripe changes from one to the other. Answers the new one."""
    old, new = house.webhook_secret, f"{house.webhook_secret[::-1]}"
    path = keys_file(house.keys, PAYMENTS)
    change(path, {"STRIPE_WEBHOOK_SECRET": f"{old},{new}"})
    await asyncio.sleep(SETTLE_SECONDS)
    house.webhook_secret = new
    await asyncio.sleep(SETTLE_SECONDS)
    change(path, {"STRIPE_WEBHOOK_SECRET": new})
    return new


async def test_all_keys_are_rotated_under_load_and_no_request_fails(
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    async with rotating() as house:
        await store_tokens(house)
        old_token, old_cookie = house.service_token(), house.browser.proof()["Cookie"]
        old_secret = house.webhook_secret
        load = Load(
            {
                "user reads": house.user_read,
                "service calls": house.service_call,
                "webhooks": house.webhook,
            }
        )
        async with load.running():
            await rotate_signing_keys(house)
            await rotate_vault(house)
            await roll_webhook_secret(house)
            await asyncio.sleep(SETTLE_SECONDS)
            seconds = time.monotonic() - load.started
        record_testsuite_property("rotation", f"{dict(load.answered)} in {seconds:.0f} s")
        assert load.failed == []
        assert all(load.answered[kind] > LEAST for kind in RATE), load.answered
        await the_old_keys_are_worth_nothing(house, old_token, old_cookie, old_secret)
        await every_secret_opens_with_the_new_key_alone(house)


async def the_old_keys_are_worth_nothing(
    house: Rotating, token: str, cookie: str, secret: str
) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await house.service_call(http, token)).status_code == 401
        url = f"{house.system.urls.main_api}/api/me"
        assert (await http.get(url, headers={"Cookie": cookie})).status_code == 401
        assert (await house.deliver(http, secret)).status_code == 400
        assert (await house.service_call(http)).status_code == 200
        assert (await house.user_read(http)).status_code == 200
        assert (await house.webhook(http)).status_code == 200


async def every_secret_opens_with_the_new_key_alone(house: Rotating) -> None:
    held = house.held(INTEGRATIONS)
    kid = held["ENCRYPTION_KEY_ID"]
    assert held["ENCRYPTION_PREVIOUS_KEYS"] == ""
    vault = Vault({kid: key_from_text(held["ENCRYPTION_KEY"])}, active_kid=kid)
    async with administrator(house) as connection:
        rows = await connection.fetch("SELECT * FROM integrations.oauth_tokens")
    assert len(rows) > STORED, "ada's own connection is among them"
    for row in rows:
        bound = {"user_id": row["user_id"], "provider": row["provider"]}
        for name in ("access_token", "refresh_token"):
            opened = vault.open(row[name], field=name, **bound)
            assert opened
            if row["provider"] == "gmail":
                assert opened == f"{name} of {row['user_id']}"
    # And the running service knows that key: a grant that is sealed now can be used.
    async with Browser(house.system.urls.main_api) as browser:
        await sign_in(browser, CLEO)
