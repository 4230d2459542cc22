"""A rate agreed with one seller: his fees from then on, nobody else's, and on record for ever."""

from typing import Any

import pytest
from door import Door
from factories.commission_bench import Bench
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from opside_chassis.database import EVERY_TENANT, transaction
from opside_contracts import scopes
from stripe_payments.commissions.rates import SellerRates
from stripe_payments.roles import ADMIN, API, JANITOR, WORKER

V1 = "/api/v1/stripe"


async def charge(door: Door, user_id: str, claim_id: str, *, key: str) -> dict[str, Any]:
    body = {
        "userId": user_id,
        "claimId": claim_id,
        "amountRecoveredCents": 10_001,
        "currency": "usd",
    }
    headers = door.service("main-api", scopes.CHARGE_COMMISSION) | {"Idempotency-Key": key}
    answer = await door.ask("POST", f"{V1}/charge-commission", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


async def agree(door: Door, user_id: str, rate_bp: int) -> int:
    answer = await door.ask(
        "PUT",
        f"{V1}/rates/{user_id}",
        json={"rateBp": rate_bp, "note": "agreed"},
        headers=door.person("usr_admin", role="admin"),
    )
    door.app.state.seller_rates = SellerRates(door.database.sessions)  # seconds later
    return answer.status_code


async def test_a_rate_holds_for_its_seller_from_then_on(door: Door) -> None:
    before = await charge(door, "usr_a", "clm_1", key="1")
    assert await agree(door, "usr_a", 1_500) == 200
    after = await charge(door, "usr_a", "clm_2", key="2")
    other = await charge(door, "usr_b", "clm_1", key="3")
    again = await charge(door, "usr_a", "clm_1", key="4")
    assert [one["rateBp"] for one in (before, after, other, again)] == [2_000, 1_500, 2_000, 2_000]
    assert (after["platformFeeCents"], after["sellerPayoutCents"]) == (1_500, 8_501)
    assert again == before
    assert await agree(door, "usr_a", 0) == 200
    free = await charge(door, "usr_a", "clm_3", key="5")
    assert (free["platformFeeCents"], free["status"]) == (0, "waived")


async def test_the_newest_is_listed_and_odd_ones_are_refused(door: Door) -> None:
    assert [await agree(door, "usr_a", rate) for rate in (1_500, 1_000, -1, 10_001)] == [
        200,
        200,
        422,
        422,
    ]
    admin = door.person("usr_admin", role="admin")
    [listed] = (await door.ask("GET", f"{V1}/rates", headers=admin)).json()
    assert (listed["userId"], listed["rateBp"], listed["setBy"]) == ("usr_a", 1_000, "usr_admin")


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        (ADMIN, "UPDATE seller_rates SET rate_bp = 1"),
        (ADMIN, "DELETE FROM seller_rates"),
        (
            ADMIN,
            "INSERT INTO seller_rates (id, user_id, rate_bp, set_by, note, set_at)"
            " VALUES ('rat_9', 'usr_a', 1, 'x', 'x', now() + interval '1 day')",
        ),
        (
            ADMIN,
            "INSERT INTO seller_rates (id, user_id, rate_bp, set_by, note)"
            " VALUES ('rat_9', 'usr_a', 10001, 'x', 'x')",
        ),
        *(
            (
                role,
                "INSERT INTO seller_rates (id, user_id, rate_bp, set_by, note)"
                " VALUES ('rat_9', 'usr_a', 1, 'x', 'x')",
            )
            for role in (API, WORKER, JANITOR)
        ),
    ],
)
async def test_the_database_refuses(door: Door, bench: Bench, role: str, statement: str) -> None:
    await agree(door, "usr_a", 1_500)
    with pytest.raises(DBAPIError):
        async with transaction(bench.sessions, tenant=EVERY_TENANT, role=role) as session:
            await session.execute(text(statement))


async def test_a_tenant_sees_his_own_rate_only(door: Door, bench: Bench) -> None:
    await agree(door, "usr_a", 1_500)
    seen = {}
    for tenant in ("usr_a", "usr_b"):
        async with transaction(bench.sessions, tenant=tenant, role=API) as session:
            seen[tenant] = list(await session.scalars(text("SELECT user_id FROM seller_rates")))
    assert seen == {"usr_a": ["usr_a"], "usr_b": []}
