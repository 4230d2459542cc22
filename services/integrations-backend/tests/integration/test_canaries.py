"""No token, code or secret of a provider is ever where it can be read: not in the database, not in what
is logged, answered or traced, not in Redis, whether all goes well or everything fails."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from io import StringIO
from pathlib import Path

import google_sandbox
import pytest
import redis.asyncio
import stripe_sandbox
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sandbox import Sandbox, live_amazon, running
from service import ADA, Keys, Service, build, settings_of
from sqlalchemy import text
from stripe_sandbox import Shop

from integrations_backend.grants import Refresher
from integrations_backend.runtime import SERVICE
from integrations_backend.tables import metadata
from opside_chassis.clock import utc_now
from opside_chassis.database import EVERY_TENANT, Database, transaction
from opside_chassis.telemetry import QueryRedaction, configure_logging
from opside_contracts.integrations.messages import Provider

CONNECTED = list(Provider)
FAULTS: list[tuple[str, dict[str, object]]] = [
    ("stripe/faults", {"operation": "balance_transactions.list", "kind": "wrong_type"}),
    ("stripe/faults", {"operation": "accounts.retrieve_own", "kind": "500_before", "times": 2}),
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def spans() -> InMemorySpanExporter:
    """Every span of this process from now on, as the process' own set-up leaves it."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(QueryRedaction())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


@pytest.fixture
def logged() -> Iterator[StringIO]:
    """What the process would print, set up as it sets itself up, at its most talkative."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging(SERVICE, level="debug")
    printed = StringIO()
    for handler in root.handlers:
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(printed)
    yield printed
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
async def everything(
    committed_database: Database, tmp_path: Path, sandbox: Sandbox, redis_url: str
) -> AsyncIterator[Service]:
    """The service with the real clients of all providers, and a fresh sandbox."""
    sandbox.ask("reset", snapshot=None)
    changes = {
        **sandbox.settings,
        **google_sandbox.google_settings(sandbox),
        **stripe_sandbox.stripe_settings(sandbox),
        "redis_url": redis_url,
    }
    settings = settings_of(Keys(), tmp_path, **changes)
    async with AsyncExitStack() as stack:
        yield build(
            committed_database,
            tmp_path / "archive",
            amazon=await stack.enter_async_context(live_amazon(settings)),
            clock=utc_now,
            gmail=await stack.enter_async_context(google_sandbox.live_gmail(settings)),
            stripe=await stack.enter_async_context(stripe_sandbox.live_stripe(settings)),
            **changes,
        )


async def stored_tokens(service: Service) -> set[str]:
    """The tokens of all providers, opened."""
    found: set[str] = set()
    runtime = service.runtime
    sources: dict[Provider, Refresher | None] = {
        Provider.AMAZON: runtime.amazon,
        Provider.GMAIL: runtime.gmail,
        Provider.STRIPE: runtime.stripe,
    }
    for provider, source in sources.items():
        assert source is not None
        tokens = runtime.tokens.of(provider)
        found.add(await tokens.access_token(source, user_id=ADA))
        found.add(await tokens.refresh_token(ADA))
    return found


async def database_dump(service: Service) -> str:
    """Every row of every table as text, of all tenants, whatever the models name."""
    async with transaction(service.sessions, tenant=EVERY_TENANT) as session:
        named = await session.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'integrations'")
        )
        tables = sorted(row[0] for row in named)
        assert set(tables) >= {table.name for table in metadata.tables.values()}
        rows = []
        for name in tables:
            found = await session.execute(text(f"SELECT t::text FROM {name} AS t"))  # noqa: S608
            rows += [f"{name}: {row[0]}" for row in found]
    return "\n".join(rows)


async def redis_dump(url: str) -> str:
    """Every key with its value, however it is stored."""
    client = redis.asyncio.from_url(url)
    try:
        return "\n".join(
            [repr((key, await client.dump(key))) async for key in client.scan_iter(count=1_000)]
        )
    finally:
        await client.aclose()


def traced(spans: InMemorySpanExporter) -> str:
    return "\n".join(span.to_json() for span in spans.get_finished_spans())


async def connect_everything(service: Service, sandbox: Sandbox) -> list[str]:
    """All three consents; answers the states and codes that went through the browser."""
    state = await service.begin_consent(ADA)
    amazon = await sandbox.allow(
        "ada", state=state, redirect_uri=service.runtime.settings.amazon_redirect_uri
    )
    assert await service.returned(ADA, **amazon) == "ok"
    google = await google_sandbox.decide(await google_sandbox.begin(service, ADA), "ada")
    assert await google_sandbox.returned(service, ADA, google) == "ok"
    stripe = await stripe_sandbox.decide(await stripe_sandbox.begin(service, ADA))
    assert await stripe_sandbox.returned(service, ADA, stripe) == "ok"
    codes = [amazon["spapi_oauth_code"], google["code"], stripe["code"]]
    return [*codes, amazon["state"], google["state"], stripe["state"]]


async def ask_everything(service: Service, answers: list[str]) -> None:
    """Every page that speaks to a provider, and every one that shows a connection."""
    async with service.as_user(ADA) as browser:
        for path in (
            *(
                "stripe/account",
                "stripe/transactions",
                "gmail/emails",
                "gmail/search?query=invoice",
            ),
            *("connections", "sync/history", "amazon/inventory", "stripe/callback?state=x&code=y"),
        ):
            answer = await browser.get(f"/api/{path}")
            answers.append(f"{path} {answer.status_code} {dict(answer.headers)} {answer.text}")


async def test_no_token_is_anywhere_to_be_read(
    everything: Service,
    sandbox: Sandbox,
    spans: InMemorySpanExporter,
    redis_url: str,
    logged: StringIO,
) -> None:
    service, answers = everything, list[str]()
    secrets = set(await connect_everything(service, sandbox))
    shop = Shop.of(sandbox)
    shop.sell()
    secrets |= await stored_tokens(service)
    await service.work()
    await ask_everything(service, answers)
    for path, fault in FAULTS:
        sandbox.ask(path, **fault)
    await ask_everything(service, answers)
    async with service.as_user(ADA) as browser:
        await browser.post("/api/sync/start")
    await service.work()
    secrets |= await stored_tokens(service)
    shop.revoke()
    await ask_everything(service, answers)
    for provider in CONNECTED:
        async with service.as_user(ADA) as browser:
            gone = await browser.delete(f"/api/{provider.value}/disconnect")
            assert gone.status_code == 204, gone.text
    await service.work()

    settings = service.runtime.settings
    secrets |= {
        settings.amazon_client_secret.get_secret_value(),
        settings.gmail_client_secret.get_secret_value(),
        settings.stripe_client_secret.get_secret_value(),
        settings.encryption_key.get_secret_value(),
    }
    assert len(secrets) >= 16
    places = {
        "the database": await database_dump(service),
        "the log": logged.getvalue(),
        "an answer": "\n".join(answers),
        "a trace": traced(spans),
        "Redis": await redis_dump(redis_url),
    }
    assert all(places[name] for name in ("the database", "the log", "an answer", "a trace"))
    found = [(name, one[:12]) for name, held in places.items() for one in secrets if one in held]
    assert found == []


async def test_the_scan_finds_what_is_there(
    everything: Service, sandbox: Sandbox, redis_url: str
) -> None:
    """A scan that finds nothing proves nothing unless it can find something."""
    service = everything
    assert await stripe_sandbox.link(service, ADA) == "ok"
    tokens = service.runtime.tokens.of(Provider.STRIPE)
    assert service.runtime.stripe is not None
    token = await tokens.access_token(service.runtime.stripe, user_id=ADA)
    assert token not in await database_dump(service)
    await service.execute("UPDATE connections SET account_id = :token", token=token)
    assert token in await database_dump(service)
    client = redis.asyncio.from_url(redis_url)
    await client.hset("canary", "field", token)  # type: ignore[misc]
    assert token in await redis_dump(redis_url)
    await client.delete("canary")
    await client.aclose()
