"""A service token moves money once: its id is spent in the transaction of the money route."""

import asyncio

import pytest
from web_parts import Keys

from opside_chassis.database import transaction
from opside_chassis.errors import Unauthenticated
from opside_chassis.service_token import (
    ServiceIdentity,
    ServiceTokenVerifier,
    spend_token_id,
)


@pytest.fixture
def keys() -> Keys:
    return Keys()


def fresh_identity(keys: Keys) -> ServiceIdentity:
    verifier = ServiceTokenVerifier(keys.ring(), "stripe-payments", clock=keys.clock)
    return verifier.verify(keys.service_token())


async def spend(sessions, identity: ServiceIdentity) -> bool:
    try:
        async with transaction(sessions) as session:
            await spend_token_id(session, identity)
            await asyncio.sleep(0.02)
    except Unauthenticated:
        return False
    return True


async def test_a_token_is_spent_once_even_in_a_race(committed_sessions, keys) -> None:
    identity = fresh_identity(keys)
    results = await asyncio.gather(*(spend(committed_sessions, identity) for _ in range(5)))
    assert sorted(results) == [False] * 4 + [True]
    assert not await spend(committed_sessions, identity)
    assert await spend(committed_sessions, fresh_identity(keys))


async def spend_and_fail(sessions, identity: ServiceIdentity) -> None:
    async with transaction(sessions) as session:
        await spend_token_id(session, identity)
        raise RuntimeError("the charge was refused")


async def test_a_request_that_fails_gives_its_token_back(committed_sessions, keys) -> None:
    identity = fresh_identity(keys)
    with pytest.raises(RuntimeError, match="refused"):
        await spend_and_fail(committed_sessions, identity)
    assert await spend(committed_sessions, identity)


async def test_two_issuers_may_draw_the_same_id(committed_sessions, keys) -> None:
    one = fresh_identity(keys)
    other = ServiceIdentity(
        "integrations-backend", one.scopes, None, None, one.token_id, one.expires_at
    )
    assert await spend(committed_sessions, one)
    assert await spend(committed_sessions, other)
