"""Silent onboarding at Stripe: three tries a job, another job an hour later, and the truth meanwhile."""

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
from service import ADA, BEN, Service

from integrations_backend.connections.connect import ONBOARD_STRIPE
from integrations_backend.onboarding.again import ONBOARD_AGAIN
from integrations_backend.onboarding.onboard import MOST_TRIES
from opside_chassis.database import transaction
from opside_chassis.outbox import stage
from opside_chassis.testing.plugin import FrozenClock

HOUR = 3600


async def look_again(service: Service) -> None:
    """What the schedule does every ten minutes, and all that comes of it."""
    async with transaction(service.sessions) as session:
        await stage(session, ONBOARD_AGAIN, {})
    await service.work()


async def shown(service: Service, user_id: str = ADA) -> dict[str, Any]:
    async with service.as_user(user_id) as browser:
        answer: dict[str, Any] = (await browser.get("/api/v1/stripe/status")).json()
    return answer


async def leave(service: Service, user_id: str) -> None:
    await service.execute(
        "UPDATE connections SET status = 'reconnect' WHERE user_id = :u", u=user_id
    )


async def jobs(service: Service) -> int:
    [row] = await service.rows("SELECT count(*) FROM outbox WHERE kind = :k", k=ONBOARD_STRIPE)
    return int(row["count"])


async def test_a_seller_who_came_in_an_outage_gets_his_account_an_hour_later(
    service: Service, clock: FrozenClock
) -> None:
    assert (await shown(service))["stage"] == "not_begun"
    service.neighbours.refusal = {"status": 500}
    await service.connect(ADA)
    assert (await shown(service))["stage"] == "under_way"
    await service.work()
    assert service.neighbours.refused == MOST_TRIES
    waiting = await shown(service)
    assert (waiting["status"], waiting["stage"]) == ("not_found", "waiting")
    assert datetime.fromisoformat(waiting["nextTryAt"]) == clock.now + timedelta(hours=1)

    service.neighbours.refusal = None
    clock.advance(seconds=HOUR - 1)
    await look_again(service)
    assert (await shown(service))["stage"] == "waiting"
    clock.advance(seconds=1)
    await look_again(service)
    created = await shown(service)
    assert (created["status"], created["stage"]) == ("created", "created")
    assert created["nextTryAt"] is None
    assert await service.rows("SELECT * FROM given_up_onboardings") == []
    clock.advance(seconds=2 * HOUR)
    await look_again(service)
    assert await jobs(service) == 2


async def test_a_long_outage_costs_one_job_an_hour_of_three_tries(
    service: Service, clock: FrozenClock
) -> None:
    service.neighbours.refusal = {"status": 500}
    await service.connect(ADA)
    await service.work()
    for _ in range(3 * 6):
        clock.advance(seconds=HOUR / 6)
        await look_again(service)
    assert await jobs(service) == 1 + 3
    assert service.neighbours.refused == (1 + 3) * MOST_TRIES


@pytest.mark.parametrize("status", [400, 403, 409, 422])
async def test_a_refusal_is_not_asked_for_again(
    service: Service, clock: FrozenClock, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    problem: dict[str, object] = {
        "status": status,
        "code": "own_code",
        "detail": "no: a secret detail",
    }
    service.neighbours.refusal = problem
    await service.connect(ADA)
    await service.work()
    assert (await shown(service))["stage"] == "refused"
    clock.advance(seconds=24 * HOUR)
    await look_again(service)
    assert await jobs(service) == 1
    [line] = [one for one in caplog.records if "given up" in one.getMessage()]
    assert "secret detail" not in str(vars(line))
    [ended] = await service.rows("SELECT reason, code FROM given_up_onboardings")
    assert ended == {"reason": "refused", "code": "own_code"}
    # Another consent of his begins it anew.
    service.neighbours.refusal = None
    await leave(service, ADA)
    await service.connect(ADA)
    await service.work()
    assert (await shown(service))["stage"] == "created"


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_what_is_no_word_about_the_seller_is_tried_again(
    service: Service, status: int
) -> None:
    service.neighbours.refusal = {"status": status}
    await service.connect(ADA)
    await service.work()
    assert (await shown(service))["stage"] == "waiting"


async def test_whoever_left_meanwhile_is_asked_for_nothing(
    service: Service, clock: FrozenClock
) -> None:
    service.neighbours.payments_down = True
    await service.connect(ADA)
    await service.connect(BEN)
    await service.work()
    await leave(service, BEN)
    service.neighbours.payments_down = False
    clock.advance(seconds=HOUR)
    await look_again(service)
    assert [body["userId"] for body in service.neighbours.onboarded] == [ADA]
    assert (await shown(service, BEN))["stage"] == "not_begun"
