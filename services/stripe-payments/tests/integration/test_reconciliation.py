"""Our book beside Stripe's: planted breaks are found, named, mended; what only travels is not one."""

import csv
import io
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from door import Door
from factories.commission_bench import GROSS, REQUEST, Bench, ask
from fakes.stripe_fake import DECLINED, GOOD, unknown
from sqlalchemy import text

from opside_chassis.database import EVERY_TENANT, transaction
from opside_chassis.errors import NotFound
from opside_chassis.testing.plugin import MigratedDatabase
from stripe_payments.audit.trail import verify_chains
from stripe_payments.commissions.retry import NothingToRetry
from stripe_payments.commissions.rules import DUNNING_DAYS
from stripe_payments.reconciliation.compare import ON_ITS_WAY, compare_books
from stripe_payments.reconciliation.mend import Mender
from stripe_payments.reconciliation.retry import retry_transaction
from stripe_payments.reconciliation.summary import OpenBreak, Summary, summarize
from stripe_payments.roles import AUDITOR, JANITOR
from stripe_payments.stripe_api.gateway import BalanceChange
from stripe_payments.webhooks.register import disable_webhooks, register_webhooks

V1 = "/api/v1/stripe"
NOW = datetime.now(UTC)


async def grow_older(bench: Bench) -> None:
    """Open breaks are seen since longer than anything travels."""
    async with transaction(bench.sessions, role=JANITOR) as session:
        # What a break is about never changes: close the guard for this moment of time travel.
        rows = await session.execute(text("SELECT * FROM breaks WHERE closed_at IS NULL"))
        kept = [dict(row) for row in rows.mappings()]
    for row in kept:
        async with transaction(bench.sessions, role=JANITOR) as session:
            await session.execute(
                text("UPDATE breaks SET closed_at = now(), closed_by = 'test' WHERE id = :id"), row
            )
            await session.execute(
                text(
                    "INSERT INTO breaks (id, reference, currency, cause, ours_minor, theirs_minor,"
                    " transaction_id, first_seen_at) VALUES (:id || 'o', :reference, :currency,"
                    " :cause, :ours_minor, :theirs_minor, :transaction_id, :then)"
                ),
                row | {"then": row["first_seen_at"] - ON_ITS_WAY},
            )


async def compared(bench: Bench) -> Summary:
    await compare_books(bench.sessions, bench.stripe)
    await grow_older(bench)
    return await summarize(bench.sessions)


async def settled(bench: Bench, *, gross: bool = False) -> str:
    await bench.save_card(GOOD)
    await bench.payout_account(active=True)
    await ask(bench.api, GROSS if gross else REQUEST)
    await bench.work()
    return str((await bench.row())["id"])


@pytest.mark.parametrize("gross", [False, True])
async def test_equal_books_have_no_break(bench: Bench, gross: bool) -> None:
    await settled(bench, gross=gross)
    result = await compare_books(bench.sessions, bench.stripe)
    assert (result.objects, result.differences) == (2 if gross else 1, 0)


async def one_break(summary: Summary, reference: str) -> OpenBreak:
    found = [one for one in summary.breaks if one.reference == reference]
    assert len(found) == 1, summary.breaks
    return found[0]


async def test_a_charge_that_we_never_heard_of_is_found_and_mended(bench: Bench) -> None:
    await bench.save_card(GOOD)
    await ask(bench.api)
    bench.stripe.fail["confirm_intent", "after"] = [unknown()]
    bench.stripe.fail["intent", "before"] = [unknown()] * 50
    await bench.work()
    assert (await bench.row())["state"] == "unknown"
    bench.stripe.fail.clear()
    found = await one_break(await compared(bench), "ch_1")
    assert found.cause == "Stripe has a charge that our book does not have"
    assert (found.ours_minor, found.theirs_minor) == (0, 2_000 - 88)
    assert found.transaction_id == (await bench.row())["id"]
    assert found.age_seconds >= ON_ITS_WAY.total_seconds()
    mender = Mender(bench.sessions, bench.stripe, "usr_admin")
    await mender.mend_break(found.break_id, note="the webhook was lost")
    await bench.work()
    assert (await bench.row())["state"] == "settled"
    assert (await compared(bench)).breaks == []


async def test_money_moved_in_the_dashboard_is_found_and_closed_by_a_person(bench: Bench) -> None:
    await settled(bench)
    bench.stripe.foreign.append(BalanceChange("txn_x", "po_1", "payout", -700, "usd", NOW))
    found = await one_break(await compared(bench), "po_1")
    assert found.cause == "Stripe has a payout that our book does not have"
    assert found.mend.endswith("/close")
    mender = Mender(bench.sessions, bench.stripe, "usr_admin")
    await mender.close_break(found.break_id, note="paid out to our bank by hand")
    with pytest.raises(NotFound):
        await mender.close_break(found.break_id, note="again")
    references = [one.reference for one in (await summarize(bench.sessions)).breaks]
    assert references == ["balance"]


async def test_an_amount_that_differs_is_named(bench: Bench) -> None:
    await settled(bench)
    bench.stripe.foreign.append(BalanceChange("txn_y", "ch_1", "adjustment", -5, "usd", NOW))
    found = await one_break(await compared(bench), "ch_1")
    assert found.cause == "the charge has one amount in our book and another at Stripe"
    assert found.theirs_minor == found.ours_minor - 5


async def test_what_is_only_on_its_way_is_no_break_yet(bench: Bench) -> None:
    await settled(bench)
    bench.stripe.foreign.append(BalanceChange("txn_z", "ch_9", "charge", 5, "eur", NOW))
    await compare_books(bench.sessions, bench.stripe)
    assert (await summarize(bench.sessions)).breaks == []
    bench.stripe.foreign.clear()
    result = await compare_books(bench.sessions, bench.stripe)
    assert result.differences == 0


async def test_a_difference_is_one_break_however_often_it_is_seen(bench: Bench) -> None:
    bench.stripe.foreign.append(BalanceChange("txn_z", "po_9", "payout", -5, "eur", NOW))
    for _ in range(3):
        await compare_books(bench.sessions, bench.stripe)
    async with transaction(bench.sessions, role=AUDITOR) as session:
        number = await session.execute(text("SELECT count(*) FROM breaks"))
        assert number.scalar_one() == 2  # the payout, and the balance


async def test_reconcile_takes_over_what_stripe_says(bench: Bench, door: Door) -> None:
    await bench.save_card(GOOD)
    await ask(bench.api)
    bench.stripe.fail["confirm_intent", "after"] = [unknown()]
    bench.stripe.fail["intent", "before"] = [unknown()] * 50
    await bench.work()
    bench.stripe.fail.clear()
    answer = await door.ask(
        "POST",
        f"{V1}/reconcile",
        json={"transactionId": str((await bench.row())["id"]), "reason": "seller asked"},
        headers=door.person("usr_admin", role="admin"),
    )
    body = answer.json()
    assert (body["stateBefore"], body["state"], body["changed"]) == ("unknown", "settled", True)
    async with transaction(bench.sessions) as session:
        notes = await session.execute(text("SELECT reason FROM cases WHERE kind = 'reconciled'"))
        assert notes.scalars().all() == ["usr_admin: seller asked"]


async def test_stripe_away_is_said_and_nothing_is_changed(bench: Bench, door: Door) -> None:
    await settled(bench)
    bench.stripe.fail["balance_changes", "before"] = [unknown()]
    answer = await door.ask(
        "POST",
        f"{V1}/process-reconciliations",
        headers=door.person("usr_admin", role="admin"),
    )
    assert answer.status_code == 503
    assert "Stripe does not answer" in answer.text


async def test_dunning_tries_a_declined_card_again_on_its_days_and_then_stops(
    bench: Bench,
) -> None:
    await bench.save_card(DECLINED)
    await ask(bench.api)
    await bench.work()
    assert bench.stripe.calls.count("confirm_intent") == 1
    for number, days in enumerate(DUNNING_DAYS, start=2):
        await bench.work(days=days - 1)
        assert bench.stripe.calls.count("confirm_intent") == number - 1
        await bench.work(days=days)
        assert bench.stripe.calls.count("confirm_intent") == number
    await bench.work(days=60)
    assert bench.stripe.calls.count("confirm_intent") == 1 + len(DUNNING_DAYS)
    assert len(bench.stripe.intents) == 1
    await bench.save_card(GOOD)
    await bench.work()
    assert (await bench.row())["state"] == "settled"


async def test_an_admin_retries_what_failed_and_nothing_else(bench: Bench) -> None:
    await bench.save_card(DECLINED)
    await ask(bench.api)
    await bench.work()
    commission = str((await bench.row())["id"])
    for _ in range(2):  # asked twice, staged once
        await retry_transaction(bench.sessions, commission, by="usr_admin")
    await bench.work()
    assert bench.stripe.calls.count("confirm_intent") == 2
    await bench.save_card(GOOD)
    await bench.work()
    with pytest.raises(NothingToRetry):
        await retry_transaction(bench.sessions, commission, by="usr_admin")
    with pytest.raises(NotFound):
        await retry_transaction(bench.sessions, "txn_none", by="usr_admin")


async def test_the_export_adds_up_to_stripes_balance(bench: Bench, door: Door) -> None:
    await settled(bench, gross=True)
    today = datetime.now(UTC).date()
    answer = await door.ask(
        "GET",
        f"{V1}/finance-export?from={today - timedelta(days=1)}&to={today + timedelta(days=1)}",
        headers=door.person("usr_admin", role="admin"),
    )
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert sum(int(row["amount_minor"]) for row in rows) == (await bench.stripe.balance())["usd"]
    assert {row["kind"] for row in rows} == {"charge", "processor_fee", "transfer"}
    assert rows[0]["amount"] == "100.00"


@pytest.mark.parametrize(
    "span",
    [
        "from=2026-02-01&to=2026-01-01",
        "from=2020-01-01&to=2026-01-01",
        "from=0001-01-01&to=9999-12-31",
        "from=9999-12-31&to=9999-12-31",
    ],
)
async def test_an_export_over_an_odd_span_is_refused(door: Door, span: str) -> None:
    answer = await door.ask(
        "GET", f"{V1}/finance-export?{span}", headers=door.person("usr_admin", role="admin")
    )
    assert answer.status_code == 400


async def test_a_reference_is_no_formula_in_the_export(bench: Bench, door: Door) -> None:
    await bench.save_card(GOOD)
    await ask(bench.api, REQUEST.model_copy(update={"claim_id": "=HYPERLINK(1)"}))
    await bench.work()
    today = datetime.now(UTC).date()
    answer = await door.ask(
        "GET",
        f"{V1}/finance-export?from={today}&to={today + timedelta(days=1)}",
        headers=door.person("usr_admin", role="admin"),
    )
    claims = {row["claim"] for row in csv.DictReader(io.StringIO(answer.text))}
    assert claims == {"'=HYPERLINK(1)"}


async def test_the_statement_tells_everything_of_a_transaction(bench: Bench, door: Door) -> None:
    commission = await settled(bench, gross=True)
    answer = await door.ask(
        "GET", f"{V1}/transactions/{commission}/statement", headers=door.person("usr_a")
    )
    body = answer.json()
    assert sorted(journal["proof"] for journal in body["journals"]) == ["ch_1", "ch_1", "tr_1"]
    assert all(
        sum(posting["amountMinor"] for posting in journal["postings"]) == 0
        for journal in body["journals"]
    )
    assert body["trails"][0]["unbroken"]
    assert body["trails"][0]["entries"][-1]["toState"] == "settled"


async def test_every_chain_is_checked_and_a_silent_change_is_seen(
    bench: Bench, migrated: MigratedDatabase
) -> None:
    await settled(bench)
    checked = await verify_chains(bench.sessions)
    assert (checked.objects, checked.broken, checked.silent) == (1, [], [])
    async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
        database = (await session.execute(text("SELECT current_database()"))).scalar_one()
    url = migrated.admin_url.rpartition("/")[0] + f"/{database}"
    administrator = await asyncpg.connect(url)
    await administrator.execute(
        "ALTER TABLE payments.commissions DISABLE TRIGGER ALL;"
        "UPDATE payments.commissions SET state = 'transfer_blocked'"
    )
    await administrator.close()
    assert len((await verify_chains(bench.sessions)).silent) == 1


async def test_cleanup_keeps_what_its_class_protects(bench: Bench, door: Door) -> None:
    await settled(bench)
    answer = await door.ask(
        "POST",
        f"{V1}/cleanup",
        json={"daysToKeep": 1},
        headers=door.person("usr_admin", role="admin"),
    )
    body = answer.json()
    assert body["deleted"] == {"idempotencyKeys": 0, "webhookEvents": 0, "usedTokenIds": 0}
    assert "7 years" in body["reasons"]["journals"]


async def test_old_keys_and_events_go_but_not_the_key_of_an_open_transaction(
    bench: Bench, door: Door, owner_connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    event = {
        "id": "evt_1",
        "type": "balance.available",
        "livemode": False,
        "data": {"object": {"id": "x"}},
    }
    await door.deliver(event)
    await bench.work()
    await owner_connection.execute("UPDATE inbox SET received_at = now() - interval '366 days'")
    for key, days in (("old", 31), ("young", 29)):
        await owner_connection.execute(
            "INSERT INTO idempotency_keys (caller, route, key, fingerprint, status_code, body,"
            " resource_id, created_at) VALUES ('main-api', 'r', $1, 'f', 202, '{}', 'txn_gone',"
            " now() - make_interval(days => $2))",
            key,
            days,
        )
    answer = await door.ask(
        "POST",
        f"{V1}/cleanup",
        json={"daysToKeep": 1},
        headers=door.person("usr_admin", role="admin"),
    )
    assert answer.json()["deleted"] == {
        "idempotencyKeys": 1,
        "webhookEvents": 1,
        "usedTokenIds": 0,
    }


async def test_the_two_endpoints_are_registered_once(bench: Bench) -> None:
    url = "https://payments.example.com/webhooks/stripe"
    first = await register_webhooks(bench.stripe, url=url)
    assert [line.split(":")[0] for line in first] == ["opside-platform", "opside-connect"]
    assert all("created" in line for line in first)
    again = await register_webhooks(bench.stripe, url=url)
    assert all("as it should be" in line for line in again)
    moved = await register_webhooks(bench.stripe, url=url + "2")
    assert all("updated" in line for line in moved)
    off = [await disable_webhooks(bench.stripe) for _ in range(2)]
    both = {one.name: one.id for one in bench.stripe.endpoints}
    assert off[0] == off[1] == [f"{name}: {endpoint} is off" for name, endpoint in both.items()]
    assert not any(one.enabled for one in bench.stripe.endpoints)
    on = await register_webhooks(bench.stripe, url=url + "2")
    assert all("updated" in line for line in on)
    assert all(one.enabled for one in bench.stripe.endpoints)
    assert len(bench.stripe.endpoints) == 2
    assert not any("transfer.paid" in one.events for one in bench.stripe.endpoints)
    with pytest.raises(ValueError, match="https"):
        await register_webhooks(bench.stripe, url="http://payments.example.com/x")


async def test_a_simulated_event_does_what_stripe_says_and_no_more(
    bench: Bench, door: Door
) -> None:
    await ask(bench.api)
    await bench.work()
    commission = str((await bench.row())["id"])

    async def simulate(event_type: str) -> int:
        answer = await door.ask(
            "POST",
            f"{V1}/simulate-payout",
            json={"transactionId": commission, "eventType": event_type},
            headers=door.person("usr_admin", role="admin"),
        )
        return answer.status_code

    assert await simulate("payment_intent.succeeded") == 202
    await bench.work()
    assert (await bench.row())["state"] == "awaiting_customer"
    assert await simulate("charge.succeeded") == 409
    assert await simulate("transfer.paid") == 202
    assert await simulate("customer.created") == 400
