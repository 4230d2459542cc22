"""Each point of the doctor that integrations-backend alone sees: green once, red once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from service import Keys, settings_of
from sqlalchemy import text

from integrations_backend.doctor import IntegrationsPoints
from integrations_backend.grants import Grant
from integrations_backend.runtime import build_vault
from integrations_backend.settings import Settings
from integrations_backend.vault.tokens import TokenVault
from opside_chassis.database import EVERY_TENANT, Database, transaction
from opside_chassis.doctor import Finding, Verdict, examine
from opside_chassis.testing.plugin import FrozenClock
from opside_contracts.integrations.messages import Provider

NOBODY = "http://127.0.0.1:9"
TODAY = "vault-20261121-abc123"


@pytest_asyncio.fixture(loop_scope="session")
async def provider() -> AsyncIterator[dict[str, str]]:
    """Addresses of a provider by what it answers."""
    servers = {}
    for status in ("404 Not Found", "503 Service Unavailable"):

        async def answer(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, status: str = status
        ) -> None:
            await reader.readline()
            writer.write(
                f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
            )
            await writer.drain()
            writer.close()

        servers[status[:3]] = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield {
        status: f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for status, server in servers.items()
    }
    for server in servers.values():
        server.close()


def given(provider: dict[str, str], archive: Path, **changes: Any) -> Settings:
    there = dict.fromkeys(
        ("amazon_lwa_url", "amazon_sp_api_url", "gmail_token_url", "stripe_connect_url"),
        provider["404"],
    )
    clients = {
        "gmail_client_id": "client",
        "gmail_client_secret": "not-a-" + "secret",
        "stripe_client_id": "client",
        "stripe_client_secret": "not-a-" + "secret",
        "encryption_key_id": TODAY,
    }
    return settings_of(Keys(), archive, **(there | clients | changes))


async def seen(database: Database, settings: Settings) -> dict[str, Finding]:
    points = IntegrationsPoints(settings, database.sessions).points()
    return {finding.point: finding for finding in await examine("integrations", points)}


async def keep_one(database: Database, settings: Settings, clock: FrozenClock) -> None:
    tokens = TokenVault(database.sessions, build_vault(settings), clock, Provider.AMAZON)
    async with transaction(database.sessions, tenant="usr_a") as session:
        await tokens.keep(session, user_id="usr_a", grant=Grant("access", "refresh", 3600))


async def test_a_good_installation_is_green(
    committed_database: Database, provider: dict[str, str], tmp_path: Path, clock: FrozenClock
) -> None:
    settings = given(provider, tmp_path)
    await keep_one(committed_database, settings, clock)
    found = await seen(committed_database, settings)
    wrong = {name for name, finding in found.items() if finding.verdict is Verdict.WRONG}
    assert wrong <= {"age of the vault key"}, found  # its date stands still, the clock does not
    assert "2 secrets" in found["vault keys known"].says
    assert len(found) == 7


@pytest.mark.parametrize(
    ("point", "broken", "verdict"),
    [
        ("AMAZON_LWA_URL answers", {"amazon_lwa_url": NOBODY}, "wrong"),
        ("AMAZON_SP_API_URL answers", {"amazon_sp_api_url": NOBODY}, "wrong"),
        ("GMAIL_TOKEN_URL answers", {"gmail_token_url": NOBODY}, "wrong"),
        ("STRIPE_CONNECT_URL answers", {"stripe_connect_url": NOBODY}, "wrong"),
        ("archive of reports", {"archive_url": "/proc/none"}, "wrong"),
        ("age of the vault key", {"encryption_key_id": "vault-20200101-abc123"}, "wrong"),
        ("age of the vault key", {"encryption_key_id": "vault-1"}, "cannot tell"),
    ],
)
async def test_what_is_broken_is_not_green(
    committed_database: Database,
    provider: dict[str, str],
    tmp_path: Path,
    point: str,
    broken: dict[str, Any],
    verdict: str,
) -> None:
    found = (await seen(committed_database, given(provider, tmp_path, **broken)))[point]
    assert (found.verdict, bool(found.mend)) == (verdict, True)


async def test_a_provider_that_fails_is_red(
    committed_database: Database, provider: dict[str, str], tmp_path: Path
) -> None:
    settings = given(provider, tmp_path, amazon_lwa_url=provider["503"])
    found = (await seen(committed_database, settings))["AMAZON_LWA_URL answers"]
    assert found.verdict is Verdict.WRONG
    assert "503" in found.says


async def test_secrets_of_a_lost_or_an_older_key_are_red(
    committed_database: Database, provider: dict[str, str], tmp_path: Path, clock: FrozenClock
) -> None:
    older = given(provider, tmp_path, encryption_key_id="vault-0")
    await keep_one(committed_database, older, clock)
    lost = (await seen(committed_database, given(provider, tmp_path)))["vault keys known"]
    assert (lost.verdict, lost.says) == (Verdict.WRONG, "no key opens 2 secrets of vault-0")
    text_of_old = older.encryption_key.get_secret_value()
    known = given(provider, tmp_path, encryption_previous_keys=f"vault-0:{text_of_old}")
    left = (await seen(committed_database, known))["vault keys known"]
    assert (left.verdict, "vault reseal" in left.mend) == (Verdict.WRONG, True)
    async with transaction(committed_database.sessions, tenant=EVERY_TENANT) as session:
        await session.execute(text("DELETE FROM oauth_tokens"))
    assert (await seen(committed_database, known))["vault keys known"].verdict is Verdict.OK
