"""The client of Amazon when Amazon is broken: every failure has one name, and no half file is kept."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from fakes.amazon_fake import FakeAmazon
from fakes.amazon_server import AmazonServer, Reply, amazon_server
from sandbox import live_amazon, running
from service import ADA, Keys, Service, settings_of

from integrations_backend.amazon_api.errors import (
    AccessDenied,
    AmazonUnavailable,
    GrantRefused,
    RequestRefused,
    Throttled,
)
from integrations_backend.amazon_api.live import REPORTS, LiveAmazon
from integrations_backend.reports.kinds import LEDGER
from integrations_backend.sync.start import start_sync
from opside_chassis.database import transaction
from opside_chassis.jobs import drain

DOCUMENT = f"{REPORTS}/documents/doc-1"
TOKEN = "/auth/o2/token"
HTML = Reply(503, b"<html>Service Unavailable</html>", "text/html")


@pytest.fixture
def server() -> Iterator[AmazonServer]:
    with amazon_server() as listening:
        yield listening


@pytest_asyncio.fixture(loop_scope="session")
async def live(server: AmazonServer, tmp_path: Path) -> AsyncIterator[LiveAmazon]:
    addresses = dict.fromkeys(("amazon_lwa_url", "amazon_sp_api_url"), server.url)
    async with live_amazon(settings_of(Keys(), tmp_path, **addresses)) as amazon:
        yield amazon


def says(status: int, **body: object) -> Reply:
    return Reply(status, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(403, b'{"errors": []}', ""), AccessDenied),
        (says(429, errors=[{"code": "QuotaExceeded"}]), Throttled),
        (says(400, errors=[{"code": "InvalidInput"}]), RequestRefused),
        (says(404, errors=[{"code": "NotFound"}]), RequestRefused),
        (HTML, AmazonUnavailable),
        (Reply(500), AmazonUnavailable),
        (Reply(200, b"<html>"), AmazonUnavailable),
        (Reply(200, b"[]"), AmazonUnavailable),
        (Reply(200, b'{"reportId"', announced=500), AmazonUnavailable),
    ],
)
async def test_every_answer_of_sp_api_has_its_meaning(
    live: LiveAmazon, server: AmazonServer, reply: Reply, error: type[Exception]
) -> None:
    server.replies[f"{REPORTS}/reports/1"] = reply
    with pytest.raises(error):
        await live.report("token", "1")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (says(400, error="invalid_grant"), GrantRefused),
        (says(400, error="invalid_client"), AmazonUnavailable),
        (says(400, error="unsupported_grant_type"), AmazonUnavailable),
        (says(401, error="invalid_client"), AmazonUnavailable),
        (HTML, AmazonUnavailable),
        (Reply(400, b"<html>"), AmazonUnavailable),
    ],
)
async def test_only_invalid_grant_asks_the_seller_to_reconnect(
    live: LiveAmazon, server: AmazonServer, reply: Reply, error: type[Exception]
) -> None:
    server.replies[TOKEN] = reply
    with pytest.raises(error):
        await live.refresh("refresh")


async def test_nobody_at_the_address_is_unavailable(tmp_path: Path) -> None:
    nowhere = dict.fromkeys(("amazon_lwa_url", "amazon_sp_api_url"), "http://127.0.0.1:1")
    async with live_amazon(settings_of(Keys(), tmp_path, **nowhere)) as amazon:
        for call in (amazon.refresh("r"), amazon.report("t", "1")):
            with pytest.raises(AmazonUnavailable):
                await call


async def test_amazon_is_never_called_in_a_transaction(
    live: LiveAmazon, server: AmazonServer, service: Service
) -> None:
    with pytest.raises(RuntimeError):
        async with transaction(service.sessions):
            await live.report("token", "1")
    assert server.asked == []


def offer(server: AmazonServer, reply: Reply, *, packed: bool = False) -> None:
    """The document `doc-1` at an address of its own."""
    shown: dict[str, Any] = {"reportDocumentId": "doc-1", "url": f"{server.url}/signed?x=1"}
    if packed:
        shown["compressionAlgorithm"] = "GZIP"
    server.replies |= {DOCUMENT: says(200, **shown), "/signed": reply}


async def test_a_document_is_unpacked_to_disk_and_its_charset_told(
    live: LiveAmazon, server: AmazonServer, tmp_path: Path
) -> None:
    offer(
        server,
        Reply(200, gzip.compress(b"rows" * 100_000), "text/plain; charset=cp1252"),
        packed=True,
    )
    assert await live.download("token", "doc-1", tmp_path / "document") == "cp1252"
    content = await asyncio.to_thread((tmp_path / "document").read_bytes)
    assert content == b"rows" * 100_000
    (_, asked), (_, fetched) = server.asked
    assert asked["x-amz-access-token"] == "token"
    assert "x-amz-access-token" not in fetched, "the signed address takes none of our headers"


@pytest.mark.parametrize(
    ("reply", "packed"),
    [
        (Reply(403, b"<Error>Request has expired</Error>", "application/xml"), True),
        (Reply(200, gzip.compress(b"rows" * 100_000)[:-20]), True),
        (Reply(200, gzip.compress(b"rows" * 100_000)[:100]), True),
        (Reply(200, b""), True),
        (Reply(200, b"plain text"), True),
        (Reply(200, b"half", announced=1_000), False),
        (Reply(500), False),
    ],
    ids=["expired", "cut at its end", "cut", "empty", "not packed", "broken off", "broken"],
)
async def test_a_broken_document_is_fetched_again_later(
    live: LiveAmazon, server: AmazonServer, tmp_path: Path, reply: Reply, packed: bool
) -> None:
    offer(server, reply, packed=packed)
    with pytest.raises(AmazonUnavailable):
        await live.download("token", "doc-1", tmp_path / "document")
    left = await asyncio.to_thread(lambda: [one.name for one in tmp_path.glob("document*")])
    assert left == [], "no half file is kept"


@pytest.mark.parametrize(
    ("content", "refused"),
    [
        (gzip.compress(b"ledger row\n" * 200_000), "larger than 1 MiB unpacked: AMAZON_LARGEST"),
        (gzip.compress(b"a") + b"more", "behind the end"),
    ],
    ids=["too large", "with a tail"],
)
async def test_a_document_that_is_refused_leaves_nothing_on_disk(
    live: LiveAmazon, server: AmazonServer, tmp_path: Path, content: bytes, refused: str
) -> None:
    offer(server, Reply(200, content), packed=True)
    folder = tmp_path / "documents"
    await asyncio.to_thread(folder.mkdir)
    settings = live._settings.model_copy(update={"amazon_largest_document_mib": 1})
    small = LiveAmazon(settings, live._lwa, live._api.client)
    with pytest.raises(RequestRefused, match=refused):
        await small.of("seller").download("token", "doc-1", folder / "document")
    assert await asyncio.to_thread(lambda: list(folder.iterdir())) == []


async def test_amazons_usage_plan_is_told_as_throttled(tmp_path: Path) -> None:
    with running(SANDBOX_AMAZON_RATE_FACTOR="0.2") as sandbox:
        settings = settings_of(Keys(), tmp_path, **sandbox.settings)
        returned = await sandbox.allow("dora", state="s", redirect_uri=settings.amazon_redirect_uri)
        async with live_amazon(settings) as amazon:
            grant = await amazon.exchange(returned["spapi_oauth_code"])
            with pytest.raises(GrantRefused):
                await amazon.exchange(returned["spapi_oauth_code"])
            with pytest.raises(Throttled):
                for _ in range(15):
                    await amazon.create_report(
                        grant.access_token,
                        report_type=LEDGER,
                        marketplace_id="ATVPDKIKX0DER",
                        start=datetime(2026, 1, 1, tzinfo=UTC),
                        end=datetime(2026, 2, 1, tzinfo=UTC),
                        options={},
                    )


async def test_a_throttled_sync_goes_on_with_what_it_may_and_loses_nothing(
    service: Service, amazon: FakeAmazon
) -> None:
    await service.connect(ADA)
    await start_sync(service.sessions, user_id=ADA, reason="test", clock=service.runtime.clock)
    amazon.fail["create_report"] = [Throttled("createReport")]
    await drain(service.workshop)
    (job,) = await service.rows(
        "SELECT failures, extract(epoch FROM due_at - now()) AS wait FROM outbox"
        " WHERE kind = 'advance_sync' AND status = 'waiting'"
    )
    assert job["failures"] == 0
    assert job["wait"] < 1, "the others go on"
    await service.work()
    (sync,) = await service.rows("SELECT status FROM sync_jobs")
    assert sync["status"] == "done"


async def test_an_amazon_that_is_away_again_and_again_ends_the_sync_with_a_reason(
    service: Service, amazon: FakeAmazon
) -> None:
    amazon.documents = {LEDGER: b"date"}
    amazon.fail["report"] = [AmazonUnavailable("cut off") for _ in range(9)]
    await service.connect(ADA)
    await service.work(rounds=20)
    (sync,) = await service.rows("SELECT status, audit FROM sync_jobs")
    assert sync["status"] == "failed"
    assert sync["audit"]["entries"][-1]["reason"] == "Fetching Amazon data: AmazonUnavailable"
    async with service.as_user(ADA) as browser:
        again = await browser.post("/api/sync/start")
    assert again.status_code == 202, "and the seller can start again"
