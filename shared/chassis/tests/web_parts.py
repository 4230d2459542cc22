"""Keys, tokens and small apps the web tests are built from; nothing here is a test."""

import asyncio
import base64
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import APIRouter, FastAPI

from opside_chassis.access import Access
from opside_chassis.bounded_http import BoundedHttp
from opside_chassis.keyring import KeyRing, SigningKey, generate_keypair
from opside_chassis.rate_limits import RateLimiter
from opside_chassis.service_token import ServiceTokens, ServiceTokenVerifier
from opside_chassis.settings import ServiceSettings
from opside_chassis.user_token import UserTokens, UserTokenVerifier
from opside_chassis.web import WebOptions, create_app

HERE = "stripe-payments"
"""The service the tests call."""
START = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)


class HandClock:
    """A clock that moves when told to."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def new_key(kid: str, issuer: str) -> SigningKey:
    return SigningKey(kid, issuer, Ed25519PrivateKey.generate())


@dataclass
class Keys:
    """Three services with a key each, and one that nobody knows."""

    clock: HandClock = field(default_factory=HandClock)
    main: SigningKey = field(default_factory=lambda: new_key("main-1", "main-api"))
    integrations: SigningKey = field(
        default_factory=lambda: new_key("int-1", "integrations-backend")
    )
    stranger: SigningKey = field(default_factory=lambda: new_key("main-1", "main-api"))

    def ring(self) -> KeyRing:
        return KeyRing([self.main.verification_key(), self.integrations.verification_key()])

    def service_token(self, *, audience: str = HERE, scope: str = "a:b", **acting: str) -> str:
        return ServiceTokens(self.main, "main-api", clock=self.clock).mint(
            audience=audience, scope=scope, **acting
        )

    def user_token(
        self, *, user_id: str = "usr_1", role: str = "user", audience: str = HERE
    ) -> str:
        return UserTokens(self.main, clock=self.clock).mint(
            audience=audience, user_id=user_id, role=role, session_id="ses_1"
        )

    def access(self, **options: Any) -> Access:
        ring = self.ring()
        return Access(
            UserTokenVerifier(ring, HERE, clock=self.clock),
            ServiceTokenVerifier(ring, HERE, clock=self.clock),
            **options,
        )


def settings(**changes: Any) -> ServiceSettings:
    pair = generate_keypair()
    values = {
        "environment": "test",
        "port": 4000,
        "database_url": "postgresql://app:pw@127.0.0.1:1/opside",
        "redis_url": "redis://127.0.0.1:1/0",
        "service_key_id": "here-1",
        "service_private_key": pair.private_key,
        "service_public_keys": [{"kid": "here-1", "issuer": HERE, "public_key": pair.public_key}],
        "main_api_url": "http://127.0.0.1:8000",
        "integrations_url": "http://127.0.0.1:3000",
        "payments_url": "http://127.0.0.1:4000",
    }
    return ServiceSettings(**{**values, **changes})


def local_limiter(per_minute: int = 10_000, **options: Any) -> RateLimiter:
    return RateLimiter(service=HERE, per_minute=per_minute, redis=None, **options)


def app_with(
    router: APIRouter,
    *,
    keys: Keys | None = None,
    limiter: RateLimiter | None = None,
    path_limits: Sequence[Any] = (),
    access_options: dict[str, Any] | None = None,
    **changes: Any,
) -> FastAPI:
    return create_app(
        settings=settings(**changes),
        title=HERE,
        routers=[router],
        access=keys.access(**(access_options or {})) if keys else None,
        options=WebOptions(path_limits=path_limits, rate_limiter=limiter or local_limiter()),
    )


def client_of(app: FastAPI, **options: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, **options)
    return httpx.AsyncClient(transport=transport, base_url="http://here.test")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(
    header: dict[str, Any],
    claims: dict[str, Any],
    *,
    key: Ed25519PrivateKey | None = None,
    hmac_secret: bytes | None = None,
) -> str:
    """A token put together by hand, with whatever header and claims an attacker likes."""
    signed = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    if key is not None:
        signature = key.sign(signed.encode())
    elif hmac_secret is not None:
        signature = hmac.new(hmac_secret, signed.encode(), hashlib.sha256).digest()
    else:
        signature = b""
    return f"{signed}.{b64(signature)}"


@asynccontextmanager
async def served(app: Any, **config: Any) -> AsyncIterator[str]:
    """The app behind a real socket on a free port; answers its base URL."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            **(
                {"http": BoundedHttp, "ws": "none", "log_config": None, "access_log": False}
                | config
            ),
        )
    )
    # `_serve` leaves the signal handlers of the test process alone.
    task = asyncio.create_task(server._serve([listener]))
    try:
        while not server.started:
            await asyncio.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()
