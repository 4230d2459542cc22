"""The regular sync of thousands of sellers: a few hundred a job, everybody once, also when it is cut off."""

import pytest
from service import Service

from integrations_backend.sync.everybody import SELLERS_IN_ONE_JOB, SYNC_EVERYBODY, Everybody
from opside_chassis.database import EVERY_TENANT, transaction
from opside_chassis.outbox import LostLease, StagedJob, stage

SELLERS = 5_000


async def connect_many(service: Service, count: int) -> None:
    await service.execute(
        "INSERT INTO connections (user_id, provider, status, account_id, marketplace_id)"
        " SELECT 'usr_many_' || to_char(n, 'FM00000'), 'amazon', 'connected', 'A' || n,"
        " 'ATVPDKIKX0DER' FROM generate_series(1, :count) n",
        count=count,
    )


async def leased(service: Service) -> StagedJob | None:
    """The job of everybody's sync that waits, as a worker would take it; those of sellers stay."""
    rows = await service.rows(
        "UPDATE outbox SET status = 'leased', attempt = attempt + 1,"
        " lease_until = now() + interval '1 minute'"
        " WHERE kind = :kind AND status = 'waiting' RETURNING id, payload, attempt",
        kind=SYNC_EVERYBODY,
    )
    if not rows:
        return None
    (row,) = rows
    return StagedJob(row["id"], SYNC_EVERYBODY, row["payload"], None, row["attempt"])


async def begin(service: Service) -> StagedJob:
    async with transaction(service.sessions, tenant=EVERY_TENANT) as session:
        await stage(session, SYNC_EVERYBODY, {})
    job = await leased(service)
    assert job is not None
    return job


async def started(service: Service) -> int:
    (row,) = await service.rows("SELECT count(*) AS n, count(DISTINCT user_id) AS u FROM sync_jobs")
    assert row["n"] == row["u"]
    return int(row["n"])


async def test_five_thousand_sellers_are_started_batch_by_batch_each_once(
    service: Service,
) -> None:
    await connect_many(service, SELLERS)
    told: list[str] = []

    async def start_one(*_: object, user_id: str, reason: str) -> None:
        assert reason == "scheduled"
        told.append(user_id)

    everybody = Everybody(service.sessions, service.runtime.clock, start_one=start_one)
    job, jobs = await begin(service), 0
    following: StagedJob | None = job
    while following is not None:
        before = len(told)
        await everybody.start(following)
        jobs += 1
        assert len(told) - before <= SELLERS_IN_ONE_JOB
        following = await leased(service)
    assert len(told) == len(set(told)) == SELLERS
    assert jobs == SELLERS // SELLERS_IN_ONE_JOB + 1, "the last one finds nobody"


async def test_a_batch_that_was_cut_off_starts_nobody_twice_and_stages_one_successor(
    service: Service,
) -> None:
    await connect_many(service, 5)
    everybody = Everybody(service.sessions, service.runtime.clock, sellers_in_one_job=2)
    job = await begin(service)
    await everybody.start(job)
    await everybody.start(job)
    assert await started(service) == 2
    following = await leased(service)
    assert following is not None
    assert following.payload == {"after": "usr_many_00002"}
    late = StagedJob(following.id, SYNC_EVERYBODY, following.payload, None, following.attempt - 1)
    with pytest.raises(LostLease):
        await everybody.start(late)
    assert await leased(service) is None
