"""Tokens at rest and at work: bound to their owner, refreshed in time, gone when the grant is."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from factories.report_rows import file_text, row
from fakes.amazon_fake import HOUR_SECONDS, FakeAmazon
from service import ADA, BEN, Service
from sqlalchemy.exc import IntegrityError

from integrations_backend.amazon_api.errors import AccessDenied, AmazonUnavailable, GrantRefused
from integrations_backend.grants import ProviderUnavailable
from integrations_backend.reports.kinds import LEDGER, REIMBURSEMENTS, REQUESTED_REPORTS
from integrations_backend.sync.everybody import SYNC_EVERYBODY
from integrations_backend.sync.start import start_sync
from integrations_backend.worker import handlers
from opside_chassis.database import transaction
from opside_chassis.outbox import StagedJob
from opside_chassis.testing.plugin import FrozenClock
from opside_chassis.vault import Unreadable


async def token(service: Service, user_id: str = ADA) -> str:
    return await service.runtime.tokens.access_token(service.runtime.amazon, user_id=user_id)


async def connection(service: Service) -> str:
    (found,) = await service.rows("SELECT status FROM connections WHERE user_id = :u", u=ADA)
    return str(found["status"])


async def begin_sync(service: Service) -> str:
    return await start_sync(
        service.sessions, user_id=ADA, reason="test", clock=service.runtime.clock
    )


async def syncs(service: Service) -> list[tuple[str, str]]:
    rows = await service.rows("SELECT status, audit FROM sync_jobs ORDER BY id")
    return [(one["status"], one["audit"]["entries"][-1].get("reason", "")) for one in rows]


async def test_the_tokens_of_one_user_do_not_open_for_another(service: Service) -> None:
    await service.connect(ADA)
    await service.connect(BEN)
    assert await token(service) == "access-1"
    await service.execute(
        "UPDATE oauth_tokens t SET access_token = a.access_token, refresh_token = a.refresh_token"
        " FROM oauth_tokens a WHERE t.user_id = :ben AND a.user_id = :ada",
        ben=BEN,
        ada=ADA,
    )
    with pytest.raises(Unreadable):
        await token(service, BEN)


async def test_an_access_token_does_not_open_as_a_refresh_token(
    service: Service, clock: FrozenClock
) -> None:
    await service.connect(ADA)
    await service.execute("UPDATE oauth_tokens SET refresh_token = access_token")
    clock.advance(seconds=HOUR_SECONDS)
    with pytest.raises(Unreadable):
        await token(service)


async def test_plain_text_cannot_be_stored_as_a_token(service: Service) -> None:
    await service.connect(ADA)
    with pytest.raises(IntegrityError, match="ck_oauth_tokens_sealed"):
        await service.execute("UPDATE oauth_tokens SET access_token = 'Atza-plain'")


@pytest.mark.parametrize(
    ("seconds", "refreshes"), [(HOUR_SECONDS - 301, 0), (HOUR_SECONDS - 300, 1)]
)
async def test_a_token_is_refreshed_five_minutes_before_its_end(
    service: Service, amazon: FakeAmazon, clock: FrozenClock, seconds: int, refreshes: int
) -> None:
    await service.connect(ADA)
    clock.advance(seconds=seconds)
    assert await token(service) == f"access-{1 + refreshes}"
    assert await token(service) == f"access-{1 + refreshes}"
    assert amazon.calls.count("refresh") == refreshes
    expires_at = await service.runtime.tokens.expires_at(ADA)
    if refreshes:
        assert expires_at == clock.now + timedelta(seconds=HOUR_SECONDS)


async def test_of_workers_that_need_a_fresh_token_at_once_one_asks_amazon(
    service: Service, amazon: FakeAmazon, clock: FrozenClock
) -> None:
    await service.connect(ADA)
    clock.advance(seconds=HOUR_SECONDS)
    amazon.pause_seconds = 0.15
    assert await asyncio.gather(*(token(service) for _ in range(6))) == ["access-2"] * 6
    assert amazon.calls.count("refresh") == 1
    assert await token(service) == "access-2"


async def test_of_workers_whose_token_was_refused_one_asks_amazon(
    service: Service, amazon: FakeAmazon
) -> None:
    await service.connect(ADA)
    tokens = service.runtime.tokens
    refused = await token(service)
    for _ in range(2):
        given = await asyncio.gather(
            *(tokens.access_token(amazon, user_id=ADA, refused=refused) for _ in range(3))
        )
        assert given == ["access-2"] * 3
    assert amazon.calls.count("refresh") == 1


async def test_two_sellers_do_not_wait_for_each_other(
    service: Service, amazon: FakeAmazon, clock: FrozenClock
) -> None:
    await service.connect(ADA)
    await service.connect(BEN)
    clock.advance(seconds=HOUR_SECONDS)
    await service.execute(
        "UPDATE oauth_tokens SET refreshing_until = now() + interval '1 hour' WHERE user_id = :u",
        u=ADA,
    )
    assert await token(service, BEN) == "access-3"


async def test_a_refresh_that_failed_leaves_the_way_free(
    service: Service, amazon: FakeAmazon, clock: FrozenClock
) -> None:
    await service.connect(ADA)
    clock.advance(seconds=HOUR_SECONDS)
    amazon.fail["refresh"] = [AmazonUnavailable("503")]
    with pytest.raises(AmazonUnavailable, match="503"):
        await token(service)
    assert await token(service) == "access-2"


async def test_a_worker_that_died_while_refreshing_holds_up_the_others_for_a_while(
    service: Service, clock: FrozenClock
) -> None:
    await service.connect(ADA)
    clock.advance(seconds=HOUR_SECONDS)
    await service.execute("UPDATE oauth_tokens SET refreshing_until = now() + interval '1 hour'")
    hurried = replace(service.runtime.tokens, patience_seconds=0.05)
    with pytest.raises(ProviderUnavailable, match="another worker"):
        await hurried.access_token(service.runtime.amazon, user_id=ADA)
    await service.execute("UPDATE oauth_tokens SET refreshing_until = now() + interval '0.4 s'")
    assert await token(service) == "access-2"


async def test_a_disconnect_during_a_refresh_wins(
    service: Service, amazon: FakeAmazon, clock: FrozenClock
) -> None:
    await service.connect(ADA)
    clock.advance(seconds=HOUR_SECONDS)
    amazon.pause_seconds = 0.1
    refreshing = asyncio.create_task(token(service))
    await asyncio.sleep(0.03)
    async with service.as_user(ADA) as browser:
        await browser.delete("/api/amazon/disconnect")
    await refreshing
    assert await service.rows("SELECT * FROM oauth_tokens") == []


async def test_a_withdrawn_grant_shows_reconnect(
    service: Service, amazon: FakeAmazon, clock: FrozenClock
) -> None:
    await service.connect(ADA)
    await begin_sync(service)
    clock.advance(seconds=HOUR_SECONDS)
    amazon.withdrawn = True
    await service.work()
    assert await connection(service) == "reconnect"
    assert (await syncs(service))[-1] == ("failed", "Amazon withdrew the access: reconnect")
    statuses = [one.status for one in service.neighbours.events]
    assert statuses == ["connected", "reconnect"]


@pytest.mark.parametrize("call", ["create_report", "report", "finished_reports", "download"])
async def test_a_refused_token_of_a_withdrawn_grant_shows_reconnect(
    service: Service, amazon: FakeAmazon, call: str
) -> None:
    """The access token has not ended by its time, and Amazon refuses it all the same."""
    amazon.documents = {LEDGER: file_text(LEDGER, [row(LEDGER)]).encode()}
    await service.connect(ADA)
    await begin_sync(service)
    amazon.fail = {call: [AccessDenied("x")], "refresh": [GrantRefused()]}
    await service.work()
    assert await connection(service) == "reconnect"


async def test_a_new_consent_mends_a_withdrawn_grant(
    service: Service, amazon: FakeAmazon, clock: FrozenClock
) -> None:
    await test_a_withdrawn_grant_shows_reconnect(service, amazon, clock)
    amazon.withdrawn = False
    await service.connect(ADA)
    await service.work()
    assert (await syncs(service))[-1][0] == "done"


@pytest.mark.parametrize("call", ["create_report", "report", "finished_reports", "download"])
async def test_a_token_that_is_refused_once_is_replaced(
    service: Service, amazon: FakeAmazon, call: str
) -> None:
    amazon.documents = {LEDGER: file_text(LEDGER, [row(LEDGER)]).encode()}
    amazon.fail[call] = [AccessDenied("x")]
    await service.connect(ADA)
    await service.work()
    assert (await syncs(service))[-1][0] == "done"
    assert amazon.calls.count("refresh") == 1
    (read,) = await service.rows("SELECT state FROM sync_reports WHERE report_type = :t", t=LEDGER)
    assert read["state"] == "read"


async def test_a_report_whose_role_is_missing_is_denied_and_the_others_are_read(
    service: Service, amazon: FakeAmazon
) -> None:
    amazon.documents = {LEDGER: file_text(LEDGER, [row(LEDGER)]).encode()}
    amazon.fail["create_report"] = [AccessDenied("x"), AccessDenied("x")]
    await service.connect(ADA)
    await service.work()
    states = await service.rows(
        "SELECT state, count(*) AS n FROM sync_reports WHERE report_key <> 'listed' GROUP BY state"
    )
    nothing = len(REQUESTED_REPORTS) - 2
    assert {one["state"]: one["n"] for one in states} == {
        "denied": 1,
        "no_data": nothing,
        "read": 1,
    }
    assert (await syncs(service))[-1][0] == "done"


async def test_disconnecting_erases_the_tokens_and_stops_the_jobs(
    service: Service, amazon: FakeAmazon
) -> None:
    amazon.documents = {REIMBURSEMENTS: file_text(REIMBURSEMENTS, []).encode()}
    await service.connect(ADA)
    await begin_sync(service)
    async with service.as_user(ADA) as browser:
        assert (await browser.delete("/api/amazon/disconnect")).status_code == 204
        shown = (await browser.get("/api/connections")).json()[0]
    assert (shown["status"], shown.get("accountId")) == ("not_connected", None)
    assert await service.rows("SELECT * FROM oauth_tokens") == []
    amazon.calls.clear()
    await service.work()
    assert amazon.calls == [], "not one more call with his tokens"
    assert (await syncs(service))[-1][0] == "failed"
    sync_everybody = handlers(service.runtime, service.hints)[SYNC_EVERYBODY]
    await sync_everybody(StagedJob("obx", SYNC_EVERYBODY, {}, None, 1))
    async with transaction(service.sessions, tenant=ADA):
        assert len(await syncs(service)) == 1


async def test_the_hourly_sync_takes_everybody_who_is_connected(service: Service) -> None:
    await service.connect(ADA)
    await service.connect(BEN)
    await service.work()
    sync_everybody = handlers(service.runtime, service.hints)[SYNC_EVERYBODY]
    await sync_everybody(StagedJob("obx", SYNC_EVERYBODY, {}, None, 1))
    running = await service.rows("SELECT user_id FROM sync_jobs WHERE status = 'running'")
    assert sorted(one["user_id"] for one in running) == [ADA, BEN]
