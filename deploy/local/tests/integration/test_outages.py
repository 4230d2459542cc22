"""The running system while a part of it is away: what it answers then, and that it comes back by itself.

Also what it answers to requests that no honest client sends.
"""

import base64
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from opside_chassis.keyring import SigningKey
from opside_chassis.testing.engines import EmbeddedPostgres, EmbeddedRedis
from opside_chassis.testing.hostile_requests import hostile_requests, status_of
from opside_chassis.user_token import UserTokens
from opside_local.environment import Servers
from opside_local.journey.browser import Browser, Refused
from opside_local.journey.people import ADA
from opside_local.journey.signing_in import sign_in
from opside_local.journey.waiting import until
from opside_local.secrets import INTEGRATIONS, MAIN_API, PAYMENTS
from opside_local.system import System, running

READS = {
    MAIN_API: "/api/billing/recoveries",
    INTEGRATIONS: "/api/connections",
    PAYMENTS: "/api/v1/stripe/payment-methods",
}
"""Of every service one read that needs its tables; all of them through main-api's door."""
A_WRITE = "/api/v1/stripe/create-customer-setup"
QUICKLY_SECONDS = 4.0
SHARE = 8
"""Every route gets some of the broken requests, every request goes to some of the routes."""


@dataclass
class Scene:
    """The system on engines of its own, and Ada in front of it."""

    system: System
    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    ada: Browser
    user_id: str

    def url(self, service: str) -> str:
        urls = self.system.urls
        return {INTEGRATIONS: urls.integrations, PAYMENTS: urls.payments}[service]

    def token(self, service: str) -> str:
        """Ada's own token for a service behind the gateway."""
        drawn = self.system.place.secrets.service_keys[MAIN_API]
        seed = base64.urlsafe_b64decode(drawn.private_key + "=")
        key = SigningKey(drawn.kid, MAIN_API, Ed25519PrivateKey.from_private_bytes(seed))
        return UserTokens(key).mint(
            audience=service, user_id=self.user_id, role="admin", session_id="ses_1"
        )

    async def read_all(self) -> None:
        for path in READS.values():
            await self.ada.get(path)

    async def refusal(self, path: str) -> Refused:
        with pytest.raises(Refused) as refused:
            await self.ada.get(path)
        return refused.value


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    folder = tmp_path_factory.mktemp("outages")
    with EmbeddedPostgres(folder / "postgres", durable=False) as first:
        port = first.port
        connection = await asyncpg.connect(first.url())
        await connection.execute("CREATE DATABASE opside")
        await connection.close()
    postgres = EmbeddedPostgres(folder / "postgres", port=port, durable=False)
    with postgres, EmbeddedRedis(folder / "redis") as redis:
        servers = Servers(postgres.url("opside"), redis.url)
        async with (
            running(Path(folder / "state"), servers=servers) as system,
            Browser(system.urls.main_api) as ada,
        ):
            me = await sign_in(ada, ADA)
            yield Scene(system, postgres, redis, ada, me["userId"])


async def test_while_postgres_is_away_every_service_says_so(scene: Scene) -> None:
    await scene.read_all()
    scene.postgres.stop()
    try:
        refused = await scene.refusal(READS[MAIN_API])
        assert refused.status == 503
        assert "database does not answer" in str(refused)
        for service in (INTEGRATIONS, PAYMENTS):
            headers = {"Authorization": f"Bearer {scene.token(service)}"}
            async with httpx.AsyncClient(base_url=scene.url(service), headers=headers) as client:
                answer = await client.get(READS[service])
                assert (service, answer.status_code) == (service, 503)
                assert answer.headers["content-type"] == "application/problem+json"
                assert int(answer.headers["retry-after"]) >= 1
                assert answer.json()["away"] == "database"
    finally:
        scene.postgres.start()
    await scene.read_all()


async def test_while_redis_is_away_reads_and_writes_go_on_as_fast(scene: Scene) -> None:
    scene.redis.stop()
    try:
        for _ in range(3):
            started = time.monotonic()
            await scene.read_all()
            await scene.ada.send("POST", A_WRITE, body={})
            assert time.monotonic() - started < QUICKLY_SECONDS
    finally:
        scene.redis.start()


@pytest.mark.parametrize("service", [INTEGRATIONS, PAYMENTS])
async def test_a_neighbour_that_is_away_is_named(scene: Scene, service: str) -> None:
    await scene.read_all()
    await scene.system.stop(service)
    refused = await scene.refusal(READS[service])
    assert refused.status == 503
    assert service in str(refused)
    for other, path in READS.items():
        if other != service:
            await scene.ada.get(path)
    await scene.system.start(service)
    await until(scene.read_all, done=lambda _: True, what=service)


@pytest.mark.parametrize("service", [INTEGRATIONS, PAYMENTS])
async def test_no_broken_request_is_answered_with_a_500(scene: Scene, service: str) -> None:
    """Signed in, so that the routes themselves see what passes the guards."""
    url = scene.url(service)
    async with httpx.AsyncClient(base_url=url) as client:
        described = (await client.get("/openapi.json")).json()["paths"]
    token = (
        f"\r\nAuthorization: Bearer {scene.token(service)}\r\nIdempotency-Key: broken-1".encode()
    )
    answered = {}
    for route, path in enumerate(described):
        target = path.replace("{user_id}", scene.user_id).replace("{", "").replace("}", "")
        for number, (name, sent) in enumerate(hostile_requests(target).items()):
            if (number + route) % SHARE == 0:
                own = sent if b"Authorization" in sent else _with(sent, token)
                answered[f"{path}: {name}"] = await status_of(url, own)
    assert {name: status for name, status in answered.items() if status in {0, 500}} == {}
    assert 200 in answered.values()
    assert len(answered) > 150


def _with(sent: bytes, headers: bytes) -> bytes:
    first, rest = sent.split(b"\r\n", 1)
    return first + headers + b"\r\n" + rest
