"""What the worker does over and over: the hourly and the half-hourly job, on a clock that a test turns."""

from dataclasses import replace

from fakes.amazon_fake import FakeAmazon
from fakes.stripe_fake import FakeStripe
from service import ADA, Service

from integrations_backend.amazon_api.errors import AmazonUnavailable
from integrations_backend.human_cases import open_case_for_job
from integrations_backend.stripe_transactions.jobs import PULL_EVERYBODY
from integrations_backend.sync.everybody import SYNC_EVERYBODY
from integrations_backend.worker import handlers, schedules
from opside_chassis.jobs import Workshop, stage_schedules
from opside_chassis.testing.plugin import FrozenClock

MINUTE = 60


def worker(service: Service) -> Workshop:
    return Workshop(
        service.sessions,
        handlers(service.runtime, service.hints),
        open_case_for_job,
        schedules(service.runtime),
    )


async def staged(service: Service, kind: str) -> int:
    return len(await service.rows("SELECT 1 FROM outbox WHERE kind = :kind", kind=kind))


async def test_amazon_is_synced_each_hour_and_stripe_each_half_hour(
    service: Service, amazon: FakeAmazon, clock: FrozenClock
) -> None:
    service = replace(service, runtime=replace(service.runtime, stripe=FakeStripe()))
    await service.connect(ADA)
    await service.work()
    begun = len(await service.rows("SELECT 1 FROM sync_jobs"))
    for minutes in range(0, 6 * 60, 10):
        await stage_schedules(worker(service), clock())
        await service.work()
        hours, halves = minutes // 60 + 1, minutes // 30 + 1
        assert abs(await staged(service, SYNC_EVERYBODY) - hours) <= 1, minutes
        assert abs(await staged(service, PULL_EVERYBODY) - halves) <= 1, minutes
        clock.advance(seconds=10 * MINUTE)
    syncs = await service.rows("SELECT status FROM sync_jobs")
    assert len(syncs) - begun in {6, 7}
    assert {one["status"] for one in syncs} == {"done"}


async def test_an_hourly_sync_that_fails_is_followed_by_the_next(
    service: Service, amazon: FakeAmazon, clock: FrozenClock
) -> None:
    await service.connect(ADA)
    await service.work()
    amazon.fail["create_report"] = [AmazonUnavailable("503")] * 5
    for _ in range(2):
        clock.advance(seconds=60 * MINUTE)
        await stage_schedules(worker(service), clock())
        await service.work(rounds=20)
    found = await service.rows("SELECT status FROM sync_jobs ORDER BY id")
    assert [one["status"] for one in found] == ["done", "failed", "done"]
