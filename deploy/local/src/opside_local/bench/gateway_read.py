"""A seller's read through main-api, against the same read asked of its service directly.

Both ask for an empty list of cases: the less there is to read, the more the way there weighs. The
notes hold how long a read takes at a steady pace, which is what a seller feels.
"""

import base64
from datetime import UTC, datetime, timedelta

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from opside_chassis.keyring import SigningKey
from opside_chassis.service_token import ServiceTokens
from opside_chassis.user_token import UserTokens
from opside_contracts import scopes
from opside_local import environment
from opside_local.bench import http_load
from opside_local.bench.figures import Figures, rates
from opside_local.bench.payments import PaymentsPlace, payments_place
from opside_local.ports import HOST
from opside_local.secrets import INTEGRATIONS, MAIN_API

UNIT = "requests/s"
PATH = "/api/cases"
COUNT = 800
"""A round of one side."""
PACED, PER_SECOND = 200, 25.0
USER, SESSION = "usr_bench", "ses_bench"
NO_LIMIT = "1000000000"
MODULES = {MAIN_API: "main_api.app", INTEGRATIONS: "integrations_backend.app"}


async def measure() -> Figures:
    """Throughput of both in turns; then both at a steady pace, in turns again."""
    async with payments_place(services=(MAIN_API, INTEGRATIONS)) as place:
        await _sign_in(place)
        ports = place.place.ports
        for name, port in ((MAIN_API, ports.main_api), (INTEGRATIONS, ports.integrations)):
            settings = environment.service(place.place, name)
            await place.start(
                name,
                MODULES[name],
                {**settings, "RATE_LIMIT_MAX_REQUESTS": NO_LIMIT},
                ready=f"http://{HOST}:{port}/health/ready",
            )
        key = _signing_key(place)

        async def through() -> int:
            await http_load.send_all([ports.main_api], _through_the_door(key, COUNT))
            return COUNT

        async def direct() -> int:
            await http_load.send_all([ports.integrations], _directly(key, COUNT))
            return COUNT

        figures = await rates(through, direct)
        return figures._replace(notes=await _felt(place, key))


async def _felt(place: PaymentsPlace, key: SigningKey) -> str:
    """Median and 99th of 100 of both, in milliseconds, and their ratios."""
    ports = place.place.ports
    took: dict[str, list[float]] = {"through": [], "direct": []}
    for _ in range(3):
        took["through"] += await http_load.send_paced(
            [ports.main_api], _through_the_door(key, PACED), per_second=PER_SECOND
        )
        took["direct"] += await http_load.send_paced(
            [ports.integrations], _directly(key, PACED), per_second=PER_SECOND
        )
    parts = []
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        through, direct = (
            sorted(seconds)[int(len(seconds) * share)] * 1_000 for seconds in took.values()
        )
        parts.append(
            f"{name} {through:.1f} ms through the door, {direct:.1f} ms directly:"
            f" {through / direct:.2f} times"
        )
    return "; ".join(parts)


def _through_the_door(key: SigningKey, count: int) -> list[bytes]:
    token = UserTokens(key).mint(audience=MAIN_API, user_id=USER, role="user", session_id=SESSION)
    return [_get(token)] * count


def _directly(key: SigningKey, count: int) -> list[bytes]:
    """As main-api asks: with a token of its own for each request."""
    tokens = ServiceTokens(key, MAIN_API)
    acting = {"act_for": USER, "act_role": "user", "act_session": SESSION}
    return [
        _get(tokens.mint(audience=INTEGRATIONS, scope=scopes.ACT_FOR_USER, **acting))
        for _ in range(count)
    ]


def _get(token: str) -> bytes:
    lines = [f"GET {PATH} HTTP/1.1", f"Host: {HOST}", f"Authorization: Bearer {token}"]
    return "\r\n".join([*lines, "", ""]).encode()


def _signing_key(place: PaymentsPlace) -> SigningKey:
    drawn = place.place.secrets.service_keys[MAIN_API]
    seed = base64.urlsafe_b64decode(drawn.private_key + "=")
    return SigningKey(drawn.kid, MAIN_API, Ed25519PrivateKey.from_private_bytes(seed))


async def _sign_in(place: PaymentsPlace) -> None:
    """A user and his session, as signing in leaves them."""
    connection = await asyncpg.connect(place.admin_url)
    try:
        await connection.execute(
            "INSERT INTO main_api.users (id, amazon_user_id, email, name)"
            " VALUES ($1, 'amzn', 'bench@example.com', 'Bench')",
            USER,
        )
        await connection.execute(
            "INSERT INTO main_api.sessions (id, user_id, csrf_token, user_agent, expires_at)"
            " VALUES ($1, $2, '', '', $3)",
            SESSION,
            USER,
            datetime.now(UTC) + timedelta(days=1),
        )
    finally:
        await connection.close()
