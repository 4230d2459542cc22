"""A payer disputes a charge: a person hears of it, and nothing of it is sent on meanwhile."""

from dataclasses import replace

import pytest
from door import Door
from factories.clawback_acts import open_cases
from factories.commission_bench import GROSS, Bench, ask
from fakes.stripe_fake import GOOD
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from opside_chassis.database import EVERY_TENANT, transaction
from stripe_payments.audit.cases import note_person
from stripe_payments.roles import ADMIN
from stripe_payments.stripe_api.gateway import Dispute


def event(what: str) -> dict[str, object]:
    return {
        "id": f"evt_{what}",
        "type": f"charge.dispute.{what}",
        "livemode": False,
        "data": {"object": {"id": "du_1"}},
    }


async def test_a_dispute_holds_the_share_back_until_it_ended_without_harm(
    door: Door, bench: Bench
) -> None:
    await bench.save_card(GOOD)
    await bench.payout_account(active=False)
    await ask(bench.api, GROSS)
    await bench.work()
    row = await bench.row()
    assert row["state"] == "transfer_blocked"
    dispute = Dispute("du_1", str(row["intent_id"]), 10_000, "usd", "needs_response", "fraudulent")
    door.stripe.disputes["du_1"] = dispute
    for _ in range(2):
        await door.deliver(event("created"))
        await bench.work()
    assert await open_cases(bench) == ["dispute"]
    await bench.payout_account(active=True)
    async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
        await session.execute(
            text(
                "INSERT INTO outbox (id, kind, payload, tenant)"
                " SELECT 'obx_1', 'transfer_share', jsonb_build_object('commissionId', id), user_id"
                " FROM commissions"
            )
        )
    await bench.work()
    assert bench.stripe.transfers == []
    door.stripe.disputes["du_1"] = replace(dispute, status="won")
    await door.deliver(event("closed"))
    await bench.work()
    async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
        await session.execute(
            text(
                "INSERT INTO outbox (id, kind, payload, tenant)"
                " SELECT 'obx_2', 'transfer_share', jsonb_build_object('commissionId', id), user_id"
                " FROM commissions"
            )
        )
    await bench.work()
    assert (await bench.row())["state"] == "settled"


async def test_a_dispute_of_somebody_elses_charge_is_ignored(door: Door, bench: Bench) -> None:
    door.stripe.disputes["du_1"] = Dispute("du_1", "pi_x", 1, "usd", "needs_response", "fraudulent")
    await door.deliver(event("created"))
    await bench.work()
    assert await open_cases(bench) == []


async def test_a_person_resolves_a_dispute_and_the_share_goes_on(door: Door, bench: Bench) -> None:
    await bench.save_card(GOOD)
    await bench.payout_account(active=False)
    await ask(bench.api, GROSS)
    await bench.work()
    row = await bench.row()
    door.stripe.disputes["du_1"] = Dispute(
        "du_1", str(row["intent_id"]), 10_000, "usd", "needs_response", "fraudulent"
    )
    await door.deliver(event("created"))
    await bench.work()
    await bench.payout_account(active=True)
    admin = door.person("usr_admin", role="admin")
    [case] = (await door.ask("GET", "/api/v1/stripe/cases", headers=admin)).json()
    assert (case["kind"], case["reference"]) == ("dispute", row["id"])
    answers = [
        await door.ask(*case["mend"].split(), json={"note": "the payer withdrew"}, headers=admin)
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 404]
    await bench.work()
    assert (await bench.row())["state"] == "settled"
    async with transaction(bench.sessions) as session:
        kept = (await session.execute(text("SELECT * FROM cases"))).mappings().one()
    assert (kept["closed_by"], kept["closing_note"]) == ("usr_admin", "the payer withdrew")
    assert (await door.ask("GET", "/api/v1/stripe/cases", headers=admin)).json() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cases SET closed_at = NULL",
        "UPDATE cases SET closed_by = 'usr_other'",
        "UPDATE cases SET closing_note = 'nothing happened'",
        "UPDATE cases SET reason = 'harmless'",
        "DELETE FROM cases",
    ],
)
async def test_how_a_case_was_resolved_stays(bench: Bench, statement: str) -> None:
    async with transaction(bench.sessions, role=ADMIN) as session:
        await note_person(session, kind="seen", reference="txn_1", by="usr_admin", note="x")
    with pytest.raises(DBAPIError):
        async with transaction(bench.sessions, role=ADMIN) as session:
            await session.execute(text(statement))
