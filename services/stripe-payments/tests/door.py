"""stripe-payments under test: the real app over a real database, a fake Stripe passed in."""

import base64
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import httpx
from fakes.stripe_fake import FakeStripe
from fastapi import FastAPI

from opside_chassis.database import Database
from opside_chassis.http_client import ServiceClient
from opside_chassis.intake import Intake
from opside_chassis.keyring import SigningKey
from opside_chassis.service_token import ServiceTokens
from opside_chassis.testing.plugin import Signing
from opside_chassis.user_token import UserTokens
from opside_contracts.accounts.client import AccountsClient
from stripe_payments.app import create
from stripe_payments.runtime import SERVICE, Runtime, webhook_secrets
from stripe_payments.settings import Settings

APP_URL = "https://app.opside.test"
NOBODY = "http://127.0.0.1:9"
"""The discard port: nothing listens."""
PLATFORM_SECRET, CONNECT_SECRET = secrets.token_urlsafe(24), secrets.token_urlsafe(24)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _published(key: SigningKey) -> dict[str, str]:
    public = key.private.public_key().public_bytes_raw()
    return {"kid": key.kid, "issuer": key.issuer, "public_key": _base64url(public)}


def settings_of(signing: Signing, **changes: Any) -> Settings:
    """Good settings of a test."""
    own = signing.service(SERVICE)
    values = {
        "environment": "test",
        "database_url": "postgresql://payments_app:unused@127.0.0.1:9/opside",
        "redis_url": "redis://127.0.0.1:9/0",
        "service_key_id": own.kid,
        "service_private_key": _base64url(own.private.private_bytes_raw()),
        "service_public_keys": [_published(key) for key in signing.keys.values()],
        "app_url": APP_URL,
        "main_api_url": NOBODY,
        "stripe_secret_key": "sk_" + "test_" + "x" * 24,
        "stripe_webhook_secret": PLATFORM_SECRET,
        "stripe_connect_webhook_secret": CONNECT_SECRET,
    }
    return Settings(**(values | changes))


def signed(body: bytes, secret: str = PLATFORM_SECRET) -> dict[str, str]:
    """The header of a delivery that is signed now."""
    stamp = str(int(time.time()))
    signature = hmac.new(secret.encode(), f"{stamp}.".encode() + body, sha256).hexdigest()
    return {"Stripe-Signature": f"t={stamp},v1={signature}"}


@dataclass
class Door:
    """The running app and everything a test may turn."""

    settings: Settings
    database: Database
    signing: Signing
    stripe: FakeStripe = field(default_factory=FakeStripe)
    app: FastAPI = field(init=False)

    @asynccontextmanager
    async def parts(self, settings: Settings) -> AsyncIterator[Runtime]:
        """An opener for `create`: the real parts, but for Stripe."""
        client = ServiceClient(
            settings.main_api_url, "main-api", ServiceTokens(self.signing.service(SERVICE), SERVICE)
        )
        accounts, accepted = AccountsClient(client), webhook_secrets(settings)
        intake = Intake(self.database.sessions)
        yield Runtime(settings, self.database, self.stripe, accounts, accepted, intake)
        await client.close()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Door"]:
        """Start the app, as a server would."""
        self.app = create(self.settings, self.parts)
        self.app.state.rate_limiter = None
        async with self.app.router.lifespan_context(self.app):
            yield self

    async def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request from outside."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://payments") as client:
            return await client.request(method, path, **request)

    def person(self, user_id: str, *, role: str = "user") -> dict[str, str]:
        """A person's own token, as a header."""
        tokens = UserTokens(self.signing.service("main-api"))
        token = tokens.mint(audience=SERVICE, user_id=user_id, role=role, session_id="ses_1")
        return {"Authorization": f"Bearer {token}"}

    def service(self, name: str, scope: str, **acting: str) -> dict[str, str]:
        """Another service's token, as a header."""
        token = ServiceTokens(self.signing.service(name), name).mint(
            audience=SERVICE, scope=scope, **acting
        )
        return {"Authorization": f"Bearer {token}"}

    async def deliver(
        self,
        event: dict[str, Any],
        *,
        secret: str = PLATFORM_SECRET,
        path: str = "/webhooks/stripe",
    ) -> httpx.Response:
        """One signed delivery."""
        body = json.dumps(event).encode()
        return await self.ask("POST", path, content=body, headers=signed(body, secret))
