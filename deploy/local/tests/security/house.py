"""The running system as an attacker finds it: three doors, two sellers, and whatever he got hold of."""

import base64
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from opside_chassis.keyring import SigningKey
from opside_chassis.service_token import ServiceTokens
from opside_local.journey.browser import Browser
from opside_local.journey.people import ADA, BEN, CLEO, OLGA, Person
from opside_local.journey.signing_in import sign_in, sign_in_admin
from opside_local.secrets import INTEGRATIONS, MAIN_API, PAYMENTS
from opside_local.system import System, running

__all__ = ["ADA", "BEN", "CLEO", "INTEGRATIONS", "MAIN_API", "OLGA", "PAYMENTS"]

SESSION, REFRESH = "__Host-opside_session", "__Host-opside_refresh"
EVIL = "https://evil.test"
"""A page of the attacker's."""


@dataclass(frozen=True)
class Session:
    """A signed-in browser, as whoever reads its memory has it."""

    user_id: str
    cookies: Mapping[str, str]
    csrf: str
    origin: str

    @property
    def token(self) -> str:
        """The access token; good as a cookie and as a bearer token."""
        return self.cookies[SESSION]

    @property
    def session_id(self) -> str:
        """The session's id, as its token says."""
        claims = jwt.decode(self.token, options={"verify_signature": False})
        return str(claims["sid"])

    def cookie(self) -> dict[str, str]:
        """The header a browser adds by itself."""
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    def proof(self, **changes: str | None) -> dict[str, str]:
        """Headers of a change that our own page makes; `changes` by name, None leaves one out."""
        own = {**self.cookie(), "Origin": self.origin, "X-CSRF-Token": self.csrf}
        given = {**own, **{name.replace("_", "-"): value for name, value in changes.items()}}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class House:
    """The system under attack. The three addresses are the doors that an attack knocks at: those of
    the real processes, or of a copy of one of them without a guard."""

    system: System
    main_api: str
    integrations: str
    payments: str
    shared: dict[str, Any] = field(default_factory=dict)
    """What is expensive to make, and made by whoever needs it first."""

    behind: Any = None
    """What listens behind main-api instead of the services, for attacks through the gateway."""
    writes: str = MAIN_API
    """Whose log main-api's door writes: its own, or that of a mutant."""

    def door(self, service: str) -> str:
        """The address of one service."""
        doors = {MAIN_API: self.main_api, INTEGRATIONS: self.integrations, PAYMENTS: self.payments}
        return doors[service]

    async def ask(self, method: str, url: str, **request: Any) -> httpx.Response:
        """One request from outside; paths without a host are main-api's. Follows no redirect."""
        async with httpx.AsyncClient(
            base_url=self.main_api, trust_env=False, timeout=20, verify=_NO_TLS
        ) as client:
            return await client.request(method, url, **request)

    async def signed_in(self, person: Person = ADA) -> Session:
        """A fresh session of somebody, through the real consent page."""
        async with Browser(self.system.urls.main_api) as browser:
            me = await sign_in(browser, person, connect=False)
            return session_of(browser, me)

    def signing_key(self, service: str) -> SigningKey:
        """The private key of a service, for attacks that begin with a stolen one."""
        drawn = self.system.place.secrets.service_keys[service]
        seed = base64.urlsafe_b64decode(f"{drawn.private_key}=")
        return SigningKey(drawn.kid, service, Ed25519PrivateKey.from_private_bytes(seed))

    def service_token(self, sender: str, audience: str, scope: str, **acting: str) -> str:
        """A token as this service makes them."""
        tokens = ServiceTokens(self.signing_key(sender), sender)
        return tokens.mint(audience=audience, scope=scope, **acting)

    async def sql(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """As the database's administrator: to age rows, to look, and to take rules away."""
        connection = await asyncpg.connect(self.system.place.servers.admin_database_url)
        try:
            if values:
                return [dict(row) for row in await connection.fetch(statement, *values)]
            # Several statements may come at once, but only without values.
            await connection.execute(statement)
            return []
        finally:
            await connection.close()

    def log(self) -> str:
        """What main-api has written until now."""
        return self.system.crew.log(self.writes).read_text(encoding="utf-8", errors="replace")


def session_of(browser: Browser, me: Mapping[str, Any]) -> Session:
    """What a browser holds after it signed in."""
    proof = browser.proof()
    sent = dict(one.split("=", 1) for one in proof["Cookie"].split("; "))
    # Cookies know no ports: the provider's own is in the same jar.
    cookies = {name: value for name, value in sent.items() if name in {SESSION, REFRESH}}
    return Session(str(me["userId"]), cookies, proof["X-CSRF-Token"], proof["Origin"])


def bearer(token: str) -> dict[str, str]:
    """As a header."""
    return {"Authorization": f"Bearer {token}"}


def problem_code(answer: httpx.Response) -> str:
    """The code of a problem document; empty for any other answer."""
    try:
        document = answer.json()
    except json.JSONDecodeError:
        return ""
    return str(document.get("code", "")) if isinstance(document, dict) else ""


@asynccontextmanager
async def open_house(folder: Path) -> AsyncIterator[House]:
    """Everything fresh in this folder, with an administrator in it."""
    async with running(folder) as system:
        async with Browser(system.urls.main_api) as browser:
            await sign_in_admin(browser, OLGA, system)
        urls = system.urls
        yield House(system, urls.main_api, urls.integrations, urls.payments)


# One context for all requests: making one reads every authority of the machine.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
