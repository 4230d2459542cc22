"""Attacks on the rate limits: to look like many when one is one."""

from collections.abc import Awaitable, Callable, Mapping
from itertools import count

import httpx
from fastapi import FastAPI
from security.house import House, bearer
from security.row import Attack, Built, Mutant

LIMIT = 5
TRIES = 3 * LIMIT
_databases = count(1)
Headers = Callable[[int], Mapping[str, str]]


def few(house: House, *, hops: int) -> dict[str, str]:
    """Few requests a minute, counted in a Redis database of their own."""
    redis = house.system.place.servers.redis_url.rpartition("/")[0]
    return {
        "RATE_LIMIT_MAX_REQUESTS": str(LIMIT),
        "REDIS_URL": f"{redis}/{next(_databases) % 15 + 1}",
        "TRUSTED_PROXY_HOPS": str(hops),
    }


def behind(hops: int) -> Built:
    """The door behind so many proxies of ours."""
    return Built(settings=lambda house: few(house, hops=hops))


def spoofed(number: int) -> dict[str, str]:
    """What one proxy of ours makes of a client that writes the header himself."""
    return {"X-Forwarded-For": f"10.0.0.{number}, 203.0.113.9"}


def many_addresses(number: int) -> dict[str, str]:
    """One home's IPv6 network has more addresses than we have memory."""
    return {"X-Forwarded-For": f"2001:db8:0:1::{number:x}"}


def asking(headers: Headers, path: str = "/api/me") -> Callable[[House], Awaitable[bool]]:
    """Whether as many requests as one likes get through."""

    async def attempt(house: House) -> bool:
        async with httpx.AsyncClient(base_url=house.main_api, trust_env=False) as client:
            answers = [await client.get(path, headers=headers(n)) for n in range(TRIES)]
        return all(answer.status_code != 429 for answer in answers)

    return attempt


async def many_places(house: House) -> bool:
    """One user from many addresses: a botnet with his token."""
    session = await house.signed_in()
    places = asking(lambda n: bearer(session.token) | {"X-Forwarded-For": f"198.51.100.{n}"})
    return await places(house)


async def spellings(house: House) -> bool:
    """Other paths, cases and tokens for each request."""
    statuses = []
    for number in range(TRIES):
        path = f"/api//me;{number}?{number}" if number % 2 else f"/API/me/{number}"
        headers = {"Authorization": f"Bearer a.b.{number}", "Forwarded": f"for=10.0.0.{number}"}
        statuses.append((await house.ask("GET", path, headers=headers)).status_code)
    return 429 not in statuses


def unlimited(app: FastAPI, _house: House) -> None:
    app.state.rate_limiter = None


ATTACKS = (
    Attack(
        "limit: a spoofed X-Forwarded-For",
        asking(spoofed),
        False,
        behind(2),
        True,
        guarded=behind(1),
    ),
    Attack(
        "limit: a spoofed X-Forwarded-For without a proxy",
        asking(spoofed),
        False,
        behind(2),
        True,
        guarded=behind(0),
    ),
    Attack(
        "limit: many addresses of one network",
        asking(many_addresses),
        False,
        Mutant(
            "opside_chassis/request_context.py",
            '        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"',
            "        return str(parsed)",
            settings=lambda house: few(house, hops=1),
        ),
        True,
        guarded=behind(1),
    ),
    Attack(
        "limit: one user from many addresses",
        many_places,
        False,
        Mutant(
            "opside_chassis/middleware.py",
            "limits, user_id=user_id)",
            "limits)",
            settings=lambda house: few(house, hops=1),
        ),
        True,
        guarded=behind(1),
    ),
    Attack(
        "limit: other spellings of paths and tokens",
        spellings,
        False,
        Built(settings=lambda house: few(house, hops=0), app=unlimited),
        True,
        guarded=behind(0),
    ),
)
