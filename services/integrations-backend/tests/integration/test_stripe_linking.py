"""The sync's stage "record Stripe transactions": what names a case is linked to it, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from factories.books import CASE, Books, paid
from factories.claims import CLAIM, cases_of, record
from fakes.stripe_fake import FakeStripe, movement
from sandbox import running
from service import ADA, BEN, Keys, Service, build, settings_of
from stripe_sandbox import Shop, link, live_stripe, stripe_settings

from integrations_backend.stripe_oauth_api.errors import StripeUnavailable
from integrations_backend.stripe_oauth_api.identifiers import Identifier, Named
from integrations_backend.stripe_transactions.jobs import puller_of
from integrations_backend.stripe_transactions.record import record_transactions
from integrations_backend.sync.rules import STAGE, Step
from opside_chassis.clock import utc_now
from opside_chassis.database import Database
from opside_chassis.testing.plugin import FrozenClock

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ORDER = "111-2222222-3333333"


@pytest.fixture
def stripe() -> FakeStripe:
    return FakeStripe(page_size=10)


@pytest.fixture
async def shop(
    committed_database: Database, tmp_path: Path, stripe: FakeStripe, clock: FrozenClock
) -> Service:
    service = build(
        committed_database, tmp_path / "archive", amazon=None, clock=clock, stripe=stripe,
        stripe_client_id="ca_1", stripe_client_secret="not-a-" + "secret",
    )  # fmt: skip
    await service.connect(ADA)
    async with service.as_user(ADA) as browser:
        url = (await browser.get("/api/stripe/auth")).json()["consentUrl"]
        body = {"state": url.partition("state=")[2], "code": "ac_1"}
        assert (await browser.post("/api/stripe/connect", json=body)).status_code == 200
    return service


def named(stripe: FakeStripe, name: str, *names: tuple[Named, str]) -> None:
    identifiers = tuple(Identifier(*one) for one in names)
    stripe.movements.append(movement(name, NOW, names=identifiers))


async def recorded(shop: Service) -> dict[str, object]:
    return await record_transactions(shop.sessions, puller_of(shop.runtime), user_id=ADA)


async def shown(shop: Service, name: str) -> dict[str, Any]:
    async with shop.as_user(ADA) as browser:
        answer = await browser.get(f"/api/stripe/transactions/txn_{name}")
    found: dict[str, Any] = answer.json()
    return found


async def test_a_movement_that_names_a_recovery_is_linked_to_it_and_its_case(
    shop: Service, stripe: FakeStripe, tmp_path: Path
) -> None:
    books = Books(shop, tmp_path)
    case_id = await books.file()
    await books.report(paid())
    named(stripe, "paid", (Named.RECOVERY, "70001"))
    named(stripe, "plain")
    assert await recorded(shop) == {"stripe": "complete", "stripeTransactions": 2, "linked": 1}
    one = await shown(shop, "paid")
    assert (one["caseId"], one["recoveryId"]) == (case_id, "70001")
    assert one["linkedBy"] == "recovery:70001"
    assert (await shown(shop, "plain")).get("caseId") is None
    assert await recorded(shop) == {"stripe": "complete", "stripeTransactions": 0, "linked": 0}


@pytest.mark.parametrize("by", ["case", "claim", "amazon_case", "order"])
async def test_a_movement_is_linked_by_each_name_of_a_case(
    shop: Service, stripe: FakeStripe, tmp_path: Path, by: str
) -> None:
    await record(shop, replace(CLAIM, key="other", order_id="111-0000000-0000000"))
    await record(shop, replace(CLAIM, key="k2", order_id=ORDER))
    case = next(one for one in await cases_of(shop) if one["orderId"] == ORDER)
    async with shop.as_user(ADA) as browser:
        path = f"/api/cases/{case['caseId']}/filed"
        assert (await browser.post(path, json={"amazonCaseId": CASE})).status_code == 200
    value = {
        "case": case["caseId"],
        "claim": case["claimId"],
        "amazon_case": CASE,
        "order": ORDER,
    }[by]
    named(stripe, "x", (Named(by), value))
    assert (await recorded(shop))["linked"] == 1
    assert (await shown(shop, "x"))["caseId"] == case["caseId"]
    async with shop.as_user(ADA) as browser:
        of_case = await browser.get(f"/api/stripe/transactions?caseId={case['caseId']}")
        of_none = await browser.get("/api/stripe/transactions?caseId=cas_0")
    assert [one["id"] for one in of_case.json()["items"]] == ["txn_x"]
    assert of_none.json()["items"] == []


async def test_what_names_two_cases_is_linked_to_neither(shop: Service, stripe: FakeStripe) -> None:
    for key in ("a", "b"):
        await record(shop, replace(CLAIM, key=key, order_id=ORDER))
    named(stripe, "both", (Named.ORDER, ORDER))
    assert (await recorded(shop))["linked"] == 0


async def test_another_sellers_case_is_never_linked(shop: Service, stripe: FakeStripe) -> None:
    await record(shop, replace(CLAIM, key="his", order_id=ORDER), user_id=BEN)
    (his,) = await cases_of(shop, BEN)
    named(stripe, "x", (Named.ORDER, ORDER), (Named.CASE, his["caseId"]))
    assert (await recorded(shop))["linked"] == 0


async def test_a_case_that_appears_later_is_linked_then(shop: Service, stripe: FakeStripe) -> None:
    named(stripe, "early", (Named.ORDER, ORDER))
    assert (await recorded(shop))["linked"] == 0
    await record(shop, replace(CLAIM, key="k", order_id=ORDER))
    assert (await recorded(shop))["linked"] == 1


@pytest.mark.parametrize("away", [False, True])
async def test_the_sync_says_how_far_stripe_was_read_and_never_waits_for_it(
    shop: Service, stripe: FakeStripe, away: bool
) -> None:
    named(stripe, "x")
    if away:
        stripe.fail["transactions"] = [StripeUnavailable("503")] * 20
    await shop.work()
    (sync,) = await shop.rows("SELECT status, audit FROM sync_jobs")
    assert sync["status"] == "done"
    (entry,) = [one for one in sync["audit"]["entries"] if one["step"] == STAGE[Step.RECOVERIES]]
    assert STAGE[Step.RECOVERIES] == "Recording Stripe transactions"
    assert entry["stripe"] == ("unavailable" if away else "complete")
    assert len(await shop.rows("SELECT * FROM stripe_transactions")) == (0 if away else 1)


async def test_a_seller_without_stripe_syncs_as_ever(service: Service) -> None:
    await service.connect(ADA)
    await service.work()
    (sync,) = await service.rows("SELECT status, audit FROM sync_jobs")
    assert sync["status"] == "done"
    assert {"stripe": "off"}.items() <= sync["audit"]["entries"][-2].items()


async def test_a_sale_at_stripe_is_linked_by_the_order_in_its_metadata(
    committed_database: Database, tmp_path: Path
) -> None:
    """Over real HTTP: seven movements in pages of three, one of them of an order with a case."""
    with running() as sandbox:
        changes = stripe_settings(sandbox)
        async with live_stripe(settings_of(Keys(), tmp_path, **changes)) as stripe:
            service = build(
                committed_database, tmp_path / "archive", amazon=None, clock=utc_now,
                stripe=stripe, **changes,
            )  # fmt: skip
            await record(service, replace(CLAIM, key="k", order_id=ORDER))
            (case,) = await cases_of(service)
            seller = Shop.of(sandbox)
            charge = seller.sell(4_200, order=f"Order {ORDER}")
            seller.refund(charge)
            for amount in (1_000, 2_000, 3_000, 4_000, 5_000):
                seller.sell(amount)
            assert await link(service, ADA) == "ok"
            await service.work()
            async with service.as_user(ADA) as browser:
                page = (await browser.get("/api/stripe/transactions?limit=50")).json()["items"]
                account = (await browser.get("/api/stripe/account")).json()
    assert len(page) == account["transactions"] == 7
    assert account["pulledAt"] is not None
    (sold,) = [one for one in page if one["sourceId"] == charge]
    assert (sold["amountCents"], sold["type"], sold["caseId"]) == (4_200, "charge", case["caseId"])
    assert sold["linkedBy"] == f"order:{ORDER}"
    assert sum(one["netCents"] for one in page) == sum(
        one["amountCents"] - one["feeCents"] for one in page
    )
    assert {one["type"] for one in page} == {"charge", "refund"}
