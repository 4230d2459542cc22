"""Every attack of the table fails, and every attack succeeds once its guard is taken out."""

import pytest
from security import (
    bodies,
    consents,
    documents,
    gateway,
    limits,
    neighbours,
    pages,
    service_tokens,
    sessions,
    sockets,
    tokens,
    wire,
)
from security.house import House
from security.row import Attack, Tally, opened

TABLE: tuple[Attack, ...] = (
    *tokens.ATTACKS,
    *service_tokens.ATTACKS,
    *consents.ATTACKS,
    *pages.ATTACKS,
    *sessions.ATTACKS,
    *sockets.ATTACKS,
    *wire.ATTACKS,
    *gateway.ATTACKS,
    *bodies.ATTACKS,
    *documents.ATTACKS,
    *limits.ATTACKS,
    *neighbours.ATTACKS,
)


def named(attack: Attack) -> str:
    return attack.name


@pytest.mark.parametrize("attack", TABLE, ids=named)
async def test_the_attack_is_refused(house: House, tally: Tally, attack: Attack) -> None:
    async with opened(attack.guarded, house) as standing:
        assert await attack.attempt(standing) == attack.refused
    tally.refused.add(attack.name)


@pytest.mark.parametrize("attack", TABLE, ids=named)
async def test_without_its_guard_it_succeeds(house: House, tally: Tally, attack: Attack) -> None:
    assert attack.wins != attack.refused
    async with opened(attack.control, house) as open_house:
        assert await attack.attempt(open_house) == attack.wins
    tally.controls.add(attack.name)


def test_each_attack_has_a_name_of_its_own() -> None:
    assert len({attack.name for attack in TABLE}) == len(TABLE)
