"""The service under test: the real app, worker and database; Amazon and the neighbours are passed in."""

import asyncio
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fakes.amazon_fake import Crash, FakeAmazon
from fakes.neighbours import Neighbours
from fastapi import FastAPI
from sqlalchemy import text

from integrations_backend.amazon_api.gateway import Amazon
from integrations_backend.app import create
from integrations_backend.archive import Archive
from integrations_backend.gmail_api.gateway import Gmail
from integrations_backend.human_cases import open_case_for_job
from integrations_backend.runtime import SERVICE, Runtime, build_vault
from integrations_backend.settings import Settings
from integrations_backend.stripe_oauth_api.gateway import StripeOAuth
from integrations_backend.sync.progress import ProgressHub
from integrations_backend.sync.progress_hints import ProgressHints
from integrations_backend.vault.tokens import TokenVault
from integrations_backend.worker import handlers
from opside_chassis.clock import Clock
from opside_chassis.database import EVERY_TENANT, Database, Sessions, transaction
from opside_chassis.jobs import Workshop, drain
from opside_chassis.keyring import SigningKey, generate_keypair
from opside_chassis.service_token import ServiceTokens
from opside_chassis.user_token import UserTokens
from opside_contracts import scopes
from opside_contracts.integrations.messages import Provider

ADA, BEN = "usr_ada", "usr_ben"
BROWSER = "browser-of-ada-0123456789"


@dataclass(frozen=True)
class Keys:
    """Key pairs of the gateway and of this service."""

    main_api: Any = field(default_factory=generate_keypair)
    here: Any = field(default_factory=generate_keypair)

    def signing(self, service: str, settings: Settings) -> SigningKey:
        pair = self.here if service == SERVICE else self.main_api
        named = settings.model_copy(
            update={"service_key_id": f"{service}-1", "service_private_key": _Secret(pair)}
        )
        return SigningKey.from_settings(named, issuer=service)


class _Secret:
    def __init__(self, pair: Any) -> None:
        self._text = pair.private_key

    def get_secret_value(self) -> str:
        return self._text


def settings_of(keys: Keys, archive: Path, **changes: Any) -> Settings:
    """Good settings; nothing listens at their addresses."""
    values = {
        "environment": "test",
        "database_url": "postgresql://integrations_app:p@127.0.0.1:1/opside",
        "redis_url": "redis://127.0.0.1:1/0",
        "service_key_id": f"{SERVICE}-1",
        "service_private_key": keys.here.private_key,
        "service_public_keys": [
            {"kid": "main-api-1", "issuer": "main-api", "public_key": keys.main_api.public_key},
            {"kid": f"{SERVICE}-1", "issuer": SERVICE, "public_key": keys.here.public_key},
        ],
        "amazon_client_id": "client",
        "amazon_client_secret": "not-a-" + "secret",
        "amazon_application_id": "application",
        "encryption_key": secrets.token_urlsafe(32),
        "encryption_key_id": "vault-1",
        "archive_url": str(archive),
    }
    return Settings(**(values | changes))


@dataclass
class Service:
    """One running service: its parts, its door, its worker."""

    runtime: Runtime
    app: FastAPI
    keys: Keys
    neighbours: Neighbours
    hints: ProgressHints

    @property
    def sessions(self) -> Sessions:
        return self.runtime.database.sessions

    @property
    def workshop(self) -> Workshop:
        return Workshop(self.sessions, handlers(self.runtime, self.hints), open_case_for_job)

    async def work(self, *, rounds: int = 12) -> None:
        """Until nothing is left to do, a dead worker's leases included."""
        for _ in range(rounds):
            async with transaction(self.sessions) as session:
                await session.execute(
                    text("UPDATE outbox SET due_at = now(), lease_until = now() - interval '1 s'")
                )
            try:
                if not await drain(self.workshop, ignore_due=True):
                    return
            except Crash:
                continue

    async def race(self, *, workers: int = 3) -> None:
        """Several workers at once, none of which dies; then one, until nothing is left to do."""
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(drain(self.workshop, ignore_due=True))
        await self.work()

    async def rows(self, query: str, **values: object) -> list[dict[str, Any]]:
        """What is stored, of every tenant."""
        async with transaction(self.sessions, tenant=EVERY_TENANT) as session:
            return [dict(row) for row in (await session.execute(text(query), values)).mappings()]

    async def execute(self, statement: str, **values: object) -> None:
        async with transaction(self.sessions, tenant=EVERY_TENANT) as session:
            await session.execute(text(statement), values)

    def gateway_token(self, user_id: str, *, role: str = "user") -> str:
        """main-api speaking for a signed-in user."""
        return self._service_tokens("main-api").mint(
            audience=SERVICE, scope=scopes.ACT_FOR_USER, act_for=user_id, act_role=role
        )

    def service_token(self, scope: str, *, act_for: str | None = None) -> str:
        return self._service_tokens("main-api").mint(audience=SERVICE, scope=scope, act_for=act_for)

    def user_token(self, user_id: str, *, role: str = "user", audience: str = SERVICE) -> str:
        """A token of the user's own, as main-api gives to API clients."""
        key = self.keys.signing("main-api", self.runtime.settings)
        return UserTokens(key).mint(
            audience=audience, user_id=user_id, role=role, session_id="ses_1"
        )

    def _service_tokens(self, name: str) -> ServiceTokens:
        return ServiceTokens(self.keys.signing(name, self.runtime.settings), name)

    def client(self, token: str | None = None, **headers: str) -> httpx.AsyncClient:
        """A client at the service's door."""
        given = headers | ({"Authorization": f"Bearer {token}"} if token else {})
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://here.test", headers=given)

    def as_user(self, user_id: str) -> httpx.AsyncClient:
        """A signed-in seller, through the gateway, in one browser."""
        binding = {"X-Opside-Browser-Binding": f"{BROWSER}-{user_id}"}
        return self.client(self.gateway_token(user_id), **binding)

    async def begin_consent(self, user_id: str) -> str:
        """Open a consent; answers its state, empty when the account is connected already."""
        token = self.service_token(scopes.START_CONSENT, act_for=user_id)
        async with self.client(token) as gateway:
            answer = await gateway.post(
                "/internal/amazon/consents",
                json={"userId": user_id, "browserBinding": f"{BROWSER}-{user_id}"},
            )
        assert answer.status_code == 201, answer.text
        url = answer.json().get("consentUrl")
        return httpx.URL(url).params["state"] if url else ""

    async def returned(self, user_id: str, state: str, **changes: str) -> str:
        """Amazon's return in the user's browser; answers where the dashboard says it went."""
        query = {"state": state, "spapi_oauth_code": secrets.token_hex(8)}
        query |= {"selling_partner_id": f"SELLER-{user_id}"} | changes
        async with self.as_user(user_id) as browser:
            answer = await browser.get("/api/amazon/callback", params=query)
        assert answer.status_code == 302, answer.text
        return httpx.URL(answer.headers["location"]).params["connect"]

    async def connect(self, user_id: str) -> None:
        """The whole consent."""
        assert await self.returned(user_id, await self.begin_consent(user_id)) == "ok"


def build(
    database: Database,
    archive: Path,
    *,
    amazon: Amazon | None,
    clock: Clock,
    gmail: Gmail | None = None,
    stripe: StripeOAuth | None = None,
    **changes: Any,
) -> Service:
    """Put the parts together as `open_runtime` does, over this database and these providers."""
    keys, neighbours = Keys(), Neighbours()
    settings = settings_of(keys, archive, **changes)
    tokens = ServiceTokens(keys.signing(SERVICE, settings), SERVICE)
    runtime = Runtime(
        settings=settings,
        database=database,
        amazon=amazon or FakeAmazon(),
        tokens=TokenVault(database.sessions, build_vault(settings), clock, Provider.AMAZON),
        gmail=gmail,
        stripe=stripe,
        archive=Archive.open(str(archive)),
        accounts=neighbours.accounts(tokens),
        payments=neighbours.payments(tokens),
        clock=clock,
    )
    app = create(settings)
    app.state.runtime = runtime
    app.state.rate_limiter = None
    hints = ProgressHints.connect(settings.redis_url)
    app.state.progress = ProgressHub(database.sessions, hints)
    return Service(runtime, app, keys, neighbours, hints)
