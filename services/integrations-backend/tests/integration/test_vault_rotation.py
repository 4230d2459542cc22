"""The vault's key changes under a working service: every token stays readable, none stays behind."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from service import Keys, settings_of
from sqlalchemy import text

from integrations_backend.grants import Grant
from integrations_backend.runtime import build_vault
from integrations_backend.settings import Settings
from integrations_backend.vault import rotate
from integrations_backend.vault.reseal import reseal, sealed_by_key
from integrations_backend.vault.tokens import TokenVault
from opside_chassis.database import EVERY_TENANT, Database, Sessions, transaction
from opside_chassis.key_file import LOOK_EVERY_SECONDS
from opside_chassis.key_steps import NotYet, change
from opside_chassis.key_steps import take as take_step
from opside_chassis.settings import with_changes
from opside_chassis.testing.plugin import FrozenClock, MigratedDatabase
from opside_chassis.vault import Vault
from opside_contracts.integrations.messages import Provider

USERS = [f"usr_{number:03}" for number in range(60)]
FIRST = "vault-1"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    keys_file = tmp_path / "keys.json"
    given = settings_of(Keys(), tmp_path / "archive")
    values = {
        "ENCRYPTION_KEY": given.encryption_key.get_secret_value(),
        "ENCRYPTION_KEY_ID": FIRST,
    }
    keys_file.write_text(json.dumps(values))
    return with_changes(given, {"keys_file": str(keys_file)})


def take(settings: Settings, changes: rotate.KeySettings) -> Settings:
    """A step, and the settings as a process that started after it has them."""
    change(Path(settings.keys_file), changes)
    return with_changes(settings, {name.lower(): value for name, value in changes.items()})


async def moved_on(settings: Settings, clock: FrozenClock) -> Settings:
    """Published until every process knows it, then sealing with the new key."""
    kid, changes = rotate.publish(settings, now=clock())
    settings = take(settings, changes)
    await asyncio.sleep(LOOK_EVERY_SECONDS * 1.1)
    return take(settings, rotate.seal(settings, kid))


def vault_of(settings: Settings) -> Vault:
    return build_vault(settings).now()


def tokens_of(sessions: Sessions, settings: Settings, clock: FrozenClock) -> TokenVault:
    return TokenVault(sessions, build_vault(settings), clock, Provider.AMAZON)


async def keep_all(sessions: Sessions, tokens: TokenVault) -> None:
    for user_id in USERS:
        grant = Grant(f"access of {user_id}", f"refresh of {user_id}", 3600)
        async with transaction(sessions, tenant=user_id) as session:
            await tokens.keep(session, user_id=user_id, grant=grant)


@dataclass(frozen=True)
class Rotating:
    """All tokens lie under the first key and end soon; the vault seals with the next one by now."""

    sessions: Sessions
    tokens: TokenVault
    settings: Settings

    async def reseal(self) -> None:
        await reseal(self.sessions, vault_of(self.settings))


@pytest_asyncio.fixture(loop_scope="session")
async def rotating(
    committed_database: Database, settings: Settings, clock: FrozenClock
) -> Rotating:
    sessions = committed_database.sessions
    tokens = tokens_of(sessions, settings, clock)
    await keep_all(sessions, tokens)
    settings = await moved_on(settings, clock)
    clock.advance(seconds=3500)
    return Rotating(sessions, tokens, settings)


class Source:
    """A provider that gives a new refresh token each time, and takes only the newest."""

    def __init__(self, during: Callable[[], object] = lambda: None) -> None:
        self.newest: dict[str, str] = {}
        self.asked = 0
        self._during = during

    async def refresh(self, refresh_token: str) -> Grant:
        self.asked += 1
        waiting = self._during()
        if asyncio.iscoroutine(waiting):
            await waiting
        user_id = refresh_token.rpartition(" ")[2]
        expected = self.newest.get(user_id, f"refresh of {user_id}")
        assert refresh_token == expected, "a refresh token that was replaced is worth nothing"
        self.newest[user_id] = f"refresh {self.asked} of {user_id}"
        return Grant(f"access {self.asked} of {user_id}", self.newest[user_id], 3600)


async def test_all_is_resealed_while_tokens_are_read_and_refreshed(
    rotating: Rotating, clock: FrozenClock
) -> None:
    sessions, tokens, settings = rotating.sessions, rotating.tokens, rotating.settings
    source, done = Source(), asyncio.Event()

    async def use(users: list[str]) -> None:
        while not done.is_set():
            for user_id in users:
                assert (await tokens.access_token(source, user_id=user_id)).endswith(user_id)

    async with asyncio.TaskGroup() as group:
        for start in range(0, 60, 20):
            group.create_task(use(USERS[start : start + 20]))
        try:
            for _ in range(20):
                made = await reseal(sessions, vault_of(settings), batch=7)
                assert made.unreadable == ()
                await asyncio.sleep(0.05)
        finally:
            done.set()
    assert await sealed_by_key(sessions) == {settings.encryption_key_id: 2 * len(USERS)}
    assert source.asked == len(USERS), "each token was refreshed once"

    settings = take(settings, rotate.drop(settings, FIRST, await sealed_by_key(sessions)))
    assert settings.encryption_previous_keys.get_secret_value() == ""
    alone = tokens_of(sessions, settings, clock)
    for user_id in USERS:
        assert await alone.refresh_token(user_id) == source.newest[user_id]


async def test_a_refresh_under_way_keeps_what_it_gets(rotating: Rotating) -> None:
    tokens, left = rotating.tokens, []

    async def walk() -> None:
        await rotating.reseal()
        left.append((await sealed_by_key(rotating.sessions))[FIRST])

    source = Source(during=walk)
    assert await tokens.access_token(source, user_id=USERS[0]) == f"access 1 of {USERS[0]}"
    assert left == [2], "the row that is being refreshed is left for the next pass"
    assert await tokens.refresh_token(USERS[0]) == source.newest[USERS[0]]


async def test_a_refresh_that_outlived_its_lease_is_kept_though_the_row_was_resealed(
    rotating: Rotating,
) -> None:
    async def walk() -> None:
        async with transaction(rotating.sessions, tenant=EVERY_TENANT) as session:
            await session.execute(text("UPDATE oauth_tokens SET refreshing_until = NULL"))
        await rotating.reseal()

    source = Source(during=walk)
    await rotating.tokens.access_token(source, user_id=USERS[0])
    assert await rotating.tokens.refresh_token(USERS[0]) == source.newest[USERS[0]]


async def test_a_worker_that_read_before_the_walk_still_gets_a_fresh_token(
    rotating: Rotating,
) -> None:
    """It must not take the same dying token in a new ciphertext for what another worker got."""
    held = timedelta(seconds=0.3)
    async with transaction(rotating.sessions, tenant=EVERY_TENANT) as session:
        await session.execute(
            text("UPDATE oauth_tokens SET refreshing_until = now() + :held"), {"held": held}
        )
    source = Source()

    async def walk() -> None:
        await asyncio.sleep(0.35)
        await rotating.reseal()

    fresh, _ = await asyncio.gather(rotating.tokens.access_token(source, user_id=USERS[0]), walk())
    assert fresh == f"access 1 of {USERS[0]}"


async def test_a_row_that_no_key_opens_is_named_and_holds_nobody_up(
    committed_database: Database, settings: Settings, clock: FrozenClock
) -> None:
    sessions = committed_database.sessions
    await keep_all(sessions, tokens_of(sessions, settings, clock))
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        await session.execute(
            text("UPDATE oauth_tokens SET access_token = 'v1.lost.AAAA.AAAA' WHERE user_id = :one"),
            {"one": USERS[3]},
        )
    settings = await moved_on(settings, clock)
    made = await reseal(sessions, vault_of(settings))
    assert (made.rows, made.unreadable) == (len(USERS) - 1, (f"{USERS[3]}/amazon",))
    again = await reseal(sessions, vault_of(settings))
    assert again.rows == 0
    with pytest.raises(NotYet, match="1 stored secrets are still under vault-1"):
        rotate.drop(settings, FIRST, await sealed_by_key(sessions))


def test_the_steps_keep_their_order(settings: Settings, clock: FrozenClock) -> None:
    kid, changes = rotate.publish(settings, now=clock())
    with pytest.raises(NotYet, match="publish a key first"):
        rotate.seal(settings, kid)
    settings = take(settings, changes)
    assert settings.encryption_key_id == FIRST, "a published key does not seal yet"
    settings = take(settings, rotate.seal(settings, kid))
    assert rotate.seal(settings, kid) == {}, "a step taken twice changes nothing"
    with pytest.raises(NotYet, match="seals what is new"):
        rotate.drop(settings, kid, {})
    settings = take(settings, rotate.drop(settings, FIRST, {}))
    assert set(settings.vault_keys) == {kid}
    assert rotate.drop(settings, FIRST, {}) == {}


async def test_the_commands_walk_the_whole_way(
    migrated: MigratedDatabase,
    committed_database: Database,
    settings: Settings,
    clock: FrozenClock,
) -> None:
    sessions = committed_database.sessions
    await keep_all(sessions, tokens_of(sessions, settings, clock))
    running = tokens_of(sessions, settings, clock)
    assert await running.refresh_token(USERS[0]) == f"refresh of {USERS[0]}"
    environment = _environment(settings, migrated)

    async def vault(*arguments: str) -> tuple[int, str, str]:
        process = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "integrations_backend.commands", "vault", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return process.returncode, process.stdout, process.stderr

    code, said, _ = await vault("publish")
    kid = said.split()[-1]
    assert code == 0
    code, _, refused = await vault("seal", "--key-id", kid)
    assert code == 1
    assert "wait 1" in refused, "the file has just changed"
    assert (await vault("seal", "--key-id", kid, "--settle-seconds", "0"))[0] == 0
    code, _, refused = await vault("drop", "--key-id", FIRST, "--settle-seconds", "0")
    assert (code, "120 stored secrets are still under vault-1" in refused) == (1, True)
    assert (await vault("reseal"))[1].endswith(
        "60 connections re-encrypted, 0 secrets left under older keys\n"
    )
    assert (await vault("drop", "--key-id", FIRST, "--settle-seconds", "0"))[0] == 0
    assert await vault("status") == (0, f"{kid}: seals; 120 secrets\n", "")
    assert FIRST not in await asyncio.to_thread(Path(settings.keys_file).read_text)
    await asyncio.sleep(LOOK_EVERY_SECONDS)
    assert await running.refresh_token(USERS[0]) == f"refresh of {USERS[0]}"


def _environment(settings: Settings, migrated: MigratedDatabase) -> dict[str, str]:
    values = settings.model_dump(exclude={"encryption_key", "encryption_key_id"}, mode="python")
    plain = {
        name.upper(): value.get_secret_value() if hasattr(value, "get_secret_value") else value
        for name, value in values.items()
    }
    plain["DATABASE_URL"] = migrated.app_url
    return {
        **os.environ,
        **{
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in plain.items()
        },
    }


def test_without_a_file_the_settings_are_printed(
    settings: Settings, capsys: pytest.CaptureFixture[str], clock: FrozenClock
) -> None:
    _, changes = rotate.publish(settings, now=clock())
    take_step("", changes)
    assert (
        f"ENCRYPTION_PREVIOUS_KEYS={changes['ENCRYPTION_PREVIOUS_KEYS']}" in capsys.readouterr().out
    )
