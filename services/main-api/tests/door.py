"""main-api under test: the real app over a real database, fakes passed in, browsers at its door."""

import base64
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from fakes.amazon_login_fake import ADA, FakeAmazonLogin
from fakes.neighbour import Neighbour
from fastapi import FastAPI

from main_api.amazon_login_api.gateway import AmazonLogin, AmazonProfile
from main_api.app import create
from main_api.archive import EvidenceArchive
from main_api.mail_api.gateway import Mailer
from main_api.runtime import SERVICE, Runtime, allowed_origins
from main_api.settings import Settings
from opside_chassis.clock import Clock
from opside_chassis.database import Database
from opside_chassis.http_client import ServiceClient
from opside_chassis.http_wire import Wire
from opside_chassis.keyring import SigningKey
from opside_chassis.service_token import ServiceTokens
from opside_chassis.testing.plugin import FrozenClock, Signing
from opside_chassis.user_token import UserTokens
from opside_contracts.integrations.client import IntegrationsClient
from opside_contracts.payments.client import PaymentsClient

APP_URL = "https://app.opside.test"
NOBODY = "http://127.0.0.1:9"
"""The discard port: nothing listens."""
INTEGRATIONS, PAYMENTS = "integrations-backend", "stripe-payments"


async def at_once(_seconds: float) -> None:
    """How long the tests wait between two tries of a call."""


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _published(key: SigningKey) -> dict[str, str]:
    public = key.private.public_key().public_bytes_raw()
    return {"kid": key.kid, "issuer": key.issuer, "public_key": _base64url(public)}


def settings_of(signing: Signing, **changes: Any) -> Settings:
    """Good settings; the addresses of neighbours come as `changes`."""
    own = signing.service(SERVICE)
    values = {
        "environment": "test",
        "database_url": "postgresql://main_api_app:unused@127.0.0.1:9/opside",
        "redis_url": "redis://127.0.0.1:9/0",
        "service_key_id": own.kid,
        "service_private_key": _base64url(own.private.private_bytes_raw()),
        "service_public_keys": [_published(key) for key in signing.keys.values()],
        "app_url": APP_URL,
        "integrations_url": NOBODY,
        "payments_url": NOBODY,
        "commission_review_days": 0,
        "amazon_login_client_id": "amzn1.application-oa2-client.test",
        "evidence_archive_url": "unused: the tests' doors have their own",
        "amazon_login_client_secret": "a-secret-of-the-tests-" + "only",
    }
    return Settings(**(values | changes))


@dataclass
class Door:
    """The running app and everything a test may turn."""

    settings: Settings
    database: Database
    signing: Signing
    login: AmazonLogin = field(default_factory=FakeAmazonLogin)
    # Tokens are dated by the machine's clock; what main-api stores by this one.
    clock: FrozenClock = field(default_factory=lambda: FrozenClock(datetime.now(UTC)))
    evidence: EvidenceArchive = field(
        default_factory=lambda: EvidenceArchive.open(tempfile.mkdtemp(prefix="opside-evidence-"))
    )
    mailer: Mailer | None = None
    wire: Wire | None = None
    """Instead of sockets to the neighbours."""
    app: FastAPI = field(init=False)

    @asynccontextmanager
    async def parts(self, settings: Settings) -> AsyncIterator[Runtime]:
        """An opener for `create`: the real parts, but for Amazon and what a test replaced."""
        key = self.signing.service(SERVICE)
        addresses = {INTEGRATIONS: settings.integrations_url, PAYMENTS: settings.payments_url}
        clients = {
            name: ServiceClient(
                url, name, ServiceTokens(key, SERVICE), wire=self.wire, sleep=at_once
            )
            for name, url in addresses.items()
        }
        yield Runtime(
            settings=settings,
            database=self.database,
            login=self.login,
            integrations=IntegrationsClient(clients[INTEGRATIONS]),
            payments=PaymentsClient(clients[PAYMENTS]),
            upstreams=clients,
            user_tokens=UserTokens(key),
            allowed_origins=allowed_origins(settings),
            mailer=self.mailer,
            evidence=self.evidence,
            clock=self.clock,
        )
        for client in clients.values():
            await client.close()

    @property
    def runtime(self) -> Runtime:
        """The parts the app was given."""
        parts: Runtime = self.app.state.runtime
        return parts

    def client(self, **options: Any) -> httpx.AsyncClient:
        """Somebody at the door, with a cookie jar of his own."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=APP_URL, **options)

    def user_token(self, user_id: str, *, role: str = "user", session_id: str = "ses_none") -> str:
        """A person's bearer token."""
        tokens = UserTokens(self.signing.service(SERVICE))
        return tokens.mint(audience=SERVICE, user_id=user_id, role=role, session_id=session_id)

    def service_token(
        self, service: str, scope: str, *, clock: Clock | None = None, **acting: str
    ) -> str:
        """Another service's token for main-api."""
        dated = {"clock": clock} if clock else {}
        tokens = ServiceTokens(self.signing.service(service), service, **dated)
        return tokens.mint(audience=SERVICE, scope=scope, **acting)


@asynccontextmanager
async def opened(door: Door) -> AsyncIterator[Door]:
    """Start the app, as a server would."""
    door.app = create(door.settings, door.parts)
    door.app.state.rate_limiter = None
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(door.app.router.lifespan_context(door.app))
        yield door


def bearer(token: str) -> dict[str, str]:
    """As a header."""
    return {"Authorization": f"Bearer {token}"}


@dataclass
class Browser:
    """An honest browser: keeps cookies, sends Origin and the CSRF token with what changes things."""

    door: Door
    http: httpx.AsyncClient

    async def start(self) -> str:
        """Click on "Login with Amazon"; answers the address of the consent page."""
        answer = await self.http.get("/api/auth/amazon/start")
        assert answer.status_code == 302
        return answer.headers["location"]

    async def come_back(self, code: str, state: str, **more: str) -> httpx.Response:
        """Return from Amazon."""
        query = {"code": code, "state": state, **more}
        return await self.http.get("/api/auth/amazon/callback", params=query)

    async def sign_in(self, person: AmazonProfile = ADA) -> httpx.Response:
        """The whole way through the fake Amazon; answers the last redirect."""
        assert isinstance(self.door.login, FakeAmazonLogin)
        code, state = self.door.login.consent(await self.start(), person)
        answer = await self.come_back(code, state)
        assert answer.status_code == 302, answer.text
        return answer

    async def csrf(self) -> str:
        """This session's CSRF token."""
        answer = await self.http.get("/api/auth/csrf")
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["csrfToken"]
        return token

    async def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """An unsafe request as the dashboard sends it."""
        proof = {"Origin": APP_URL, "X-CSRF-Token": await self.csrf()}
        headers = proof | dict(request.pop("headers", {}))
        return await self.http.request(method, path, headers=headers, **request)

    async def refresh(self) -> httpx.Response:
        """Exchange the refresh cookie."""
        return await self.http.post("/api/auth/refresh", headers={"Origin": APP_URL})

    async def me(self) -> httpx.Response:
        """Who is signed in."""
        return await self.http.get("/api/me")


@dataclass
class Street:
    """Both neighbours of the door, listening."""

    integrations: Neighbour
    payments: Neighbour

    def urls(self) -> dict[str, str]:
        """As settings."""
        return {"integrations_url": self.integrations.url, "payments_url": self.payments.url}
