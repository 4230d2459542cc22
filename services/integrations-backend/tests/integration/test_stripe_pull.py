"""Pulling a Stripe account: only what is new, nothing twice, nothing lost, wherever it stops."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes.amazon_fake import Crash
from fakes.stripe_fake import ACCOUNT, FakeStripe, movement
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from service import ADA, BEN, Service, build

from integrations_backend.connections.connect_stripe import PULL_STRIPE
from integrations_backend.stripe_oauth_api.errors import (
    NoAccess,
    RequestRefused,
    StripeUnavailable,
    Throttled,
)
from integrations_backend.stripe_transactions.jobs import (
    PULL_EVERYBODY,
    puller_of,
    stripe_handlers,
    stripe_schedules,
)
from integrations_backend.stripe_transactions.pull import OVERLAP, Pulled, Puller, PullState
from opside_chassis.database import Database
from opside_chassis.outbox import StagedJob
from opside_chassis.testing.plugin import FrozenClock

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def stripe() -> FakeStripe:
    return FakeStripe([movement(f"{n}", NOW + timedelta(hours=n)) for n in range(5)])


@pytest.fixture
def shop(
    committed_database: Database, tmp_path: Path, stripe: FakeStripe, clock: FrozenClock
) -> Service:
    return build(
        committed_database, tmp_path / "archive", amazon=None, clock=clock, stripe=stripe,
        stripe_client_id="ca_1", stripe_client_secret="not-a-" + "secret",
    )  # fmt: skip


async def linked(shop: Service, user_id: str = ADA) -> None:
    """Linked, and nothing pulled yet."""
    async with shop.as_user(user_id) as browser:
        url = (await browser.get("/api/stripe/auth")).json()["consentUrl"]
        state = url.partition("state=")[2]
        answer = await browser.post("/api/stripe/connect", json={"state": state, "code": "ac_1"})
    assert answer.status_code == 200, answer.text


def puller(shop: Service) -> Puller:
    found = puller_of(shop.runtime)
    assert found is not None
    return Puller(found.access, page_pause_seconds=0)


async def pull(shop: Service) -> Pulled:
    return await puller(shop).run(ADA)


async def kept(shop: Service) -> list[str]:
    rows = await shop.rows("SELECT transaction_id FROM stripe_transactions ORDER BY 1")
    return [row["transaction_id"] for row in rows]


async def place(shop: Service) -> dict[str, object]:
    (row,) = await shop.rows("SELECT * FROM stripe_pulls")
    return row


async def test_the_first_pull_brings_everything_page_by_page(
    shop: Service, stripe: FakeStripe, clock: FrozenClock
) -> None:
    await linked(shop)
    assert await pull(shop) == Pulled(5, PullState.COMPLETE)
    assert await kept(shop) == [f"txn_{n}" for n in range(5)]
    assert stripe.calls.count("transactions") == 3
    row = await place(shop)
    assert (row["newest_at"], row["page_after"]) == (NOW + timedelta(hours=4), None)
    assert row["pulled_at"] == clock.now


async def test_the_next_pull_asks_for_what_is_new_and_an_hour_before(
    shop: Service, stripe: FakeStripe
) -> None:
    await linked(shop)
    await pull(shop)
    stripe.calls.clear()
    stripe.asked_since.clear()
    assert await pull(shop) == Pulled(0, PullState.COMPLETE)
    assert stripe.asked_since == [NOW + timedelta(hours=4) - OVERLAP]
    stripe.movements.append(movement("new", NOW + timedelta(hours=5)))
    stripe.movements.append(movement("late", NOW + timedelta(hours=3, minutes=30)))
    assert await pull(shop) == Pulled(2, PullState.COMPLETE)
    assert len(await kept(shop)) == 7
    assert stripe.calls.count("transactions") <= 4, "never the whole account again"


async def test_a_worker_that_dies_between_pages_leaves_a_place_to_go_on_from(
    shop: Service, stripe: FakeStripe
) -> None:
    await linked(shop)
    pages = 0

    async def die(name: str) -> None:
        nonlocal pages
        pages += name == "transactions"
        if name == "transactions" and pages == 2:
            raise Crash

    stripe.look = die
    with pytest.raises(Crash):
        await pull(shop)
    assert await kept(shop) == ["txn_3", "txn_4"]
    row = await place(shop)
    assert (row["page_after"], row["newest_at"]) == ("txn_3", None)
    stripe.look = None
    stripe.movements.append(movement("9", NOW + timedelta(hours=9)))
    assert await pull(shop) == Pulled(3, PullState.COMPLETE)
    # What came while the first pull was under way lies before its place: the next one finds it.
    assert await pull(shop) == Pulled(1, PullState.COMPLETE)
    assert len(await kept(shop)) == 6


async def test_two_workers_at_once_keep_each_movement_once(
    shop: Service, stripe: FakeStripe
) -> None:
    await linked(shop)
    both = await asyncio.gather(pull(shop), pull(shop))
    assert len(await kept(shop)) == 5
    assert sum(one.new for one in both) == 5
    assert PullState.COMPLETE in {one.state for one in both}


@pytest.mark.parametrize(
    ("error", "state", "says"),
    [
        (Throttled("x"), PullState.THROTTLED, "rate limit"),
        (StripeUnavailable("503 /v1/x"), PullState.UNAVAILABLE, "503"),
        (RequestRefused("400 /v1/x"), PullState.UNAVAILABLE, "from the start"),
    ],
)
async def test_a_pull_that_stripe_stops_says_why_and_is_taken_up(
    shop: Service, stripe: FakeStripe, error: Exception, state: PullState, says: str
) -> None:
    await linked(shop)
    stripe.fail["transactions"] = [error]
    assert await pull(shop) == Pulled(0, state)
    assert says in str((await place(shop))["problem"])
    assert (await pull(shop)).state is PullState.COMPLETE
    assert (await place(shop))["problem"] is None
    assert len(await kept(shop)) == 5


async def test_a_place_that_stripe_does_not_know_is_given_up(
    shop: Service, stripe: FakeStripe
) -> None:
    await linked(shop)
    await puller(shop)._place(ADA, ACCOUNT)
    await shop.execute("UPDATE stripe_pulls SET page_after = 'txn_gone'")
    stripe.fail["transactions"] = [RequestRefused("400")]
    assert (await pull(shop)).state is PullState.UNAVAILABLE
    assert await pull(shop) == Pulled(5, PullState.COMPLETE)


@pytest.mark.parametrize("how", ["withdrawn", "forbidden"])
async def test_a_grant_that_is_gone_stops_the_pull_and_shows_reconnect(
    shop: Service, stripe: FakeStripe, how: str
) -> None:
    await linked(shop)
    if how == "withdrawn":
        stripe.withdrawn = True
    else:
        stripe.fail["transactions"] = [NoAccess("403")]
    assert (await pull(shop)).state is PullState.RECONNECT
    (row,) = await shop.rows("SELECT status FROM connections")
    assert row["status"] == "reconnect"
    stripe.calls.clear()
    assert (await pull(shop)).state is PullState.RECONNECT
    assert stripe.calls == [], "Stripe is not asked again"


async def test_a_token_that_stripe_refuses_is_refreshed_once(
    shop: Service, stripe: FakeStripe
) -> None:
    await linked(shop)
    stripe.grants += 1  # somebody rolled it: the stored one is not the newest
    assert await pull(shop) == Pulled(5, PullState.COMPLETE)
    assert stripe.calls.count("refresh") == 1


async def test_leaving_in_the_middle_of_a_pull_stops_it(shop: Service, stripe: FakeStripe) -> None:
    await linked(shop)

    async def leave(name: str) -> None:
        if name == "transactions":
            async with shop.as_user(ADA) as browser:
                await browser.delete("/api/stripe/disconnect")

    stripe.look = leave
    assert await pull(shop) == Pulled(0, PullState.NOT_CONNECTED)
    assert await kept(shop) == []


async def test_another_account_begins_anew_and_both_stay_readable(
    shop: Service, stripe: FakeStripe
) -> None:
    await linked(shop)
    await pull(shop)
    async with shop.as_user(ADA) as browser:
        await browser.delete("/api/stripe/disconnect")
    stripe.account_id = "acct_other"
    stripe.movements = [movement("old", NOW - timedelta(days=900))]
    await linked(shop)
    assert await pull(shop) == Pulled(1, PullState.COMPLETE)
    rows = await shop.rows("SELECT DISTINCT account_id FROM stripe_transactions ORDER BY 1")
    assert [row["account_id"] for row in rows] == [ACCOUNT, "acct_other"]


async def test_every_half_hour_each_linked_account_is_pulled(
    shop: Service, stripe: FakeStripe
) -> None:
    (schedule,) = stripe_schedules(shop.runtime)
    assert (schedule.kind, schedule.every_seconds) == (PULL_EVERYBODY, 1_800)
    await linked(shop)
    await shop.work()
    assert len(await kept(shop)) == 5, "the first pull follows the consent"
    stripe.movements.append(movement("new", NOW + timedelta(hours=5)))
    everybody = StagedJob("job", PULL_EVERYBODY, {}, None, 1)
    await stripe_handlers(shop.runtime)[PULL_EVERYBODY](everybody)
    jobs = await shop.rows("SELECT kind, tenant FROM outbox WHERE status = 'waiting'")
    assert jobs == [{"kind": PULL_STRIPE, "tenant": ADA}]
    await shop.work()
    assert len(await kept(shop)) == 6


async def test_after_disconnecting_nothing_is_asked_of_stripe(
    shop: Service, stripe: FakeStripe
) -> None:
    await linked(shop)
    async with shop.as_user(ADA) as browser:
        await browser.delete("/api/stripe/disconnect")
    await shop.work()
    stripe.calls.clear()
    everybody = StagedJob("job", PULL_EVERYBODY, {}, None, 1)
    await stripe_handlers(shop.runtime)[PULL_EVERYBODY](everybody)
    await shop.work()
    assert stripe.calls == []


async def test_deauthorizing_is_tried_until_stripe_has_heard_it(
    shop: Service, stripe: FakeStripe
) -> None:
    await linked(shop)
    stripe.fail["deauthorize"] = [StripeUnavailable("503"), StripeUnavailable("503")]
    async with shop.as_user(ADA) as browser:
        assert (await browser.delete("/api/stripe/disconnect")).status_code == 204
    await shop.work()
    assert stripe.calls.count("deauthorize") == 3
    assert await shop.rows("SELECT * FROM human_cases") == []


async def test_transactions_are_paged_and_anothers_are_not_there(
    shop: Service, stripe: FakeStripe
) -> None:
    await linked(shop)
    await pull(shop)
    async with shop.as_user(ADA) as owner, shop.as_user(BEN) as stranger:
        seen, cursor = [], None
        while True:
            query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await owner.get("/api/stripe/transactions", params=query)).json()
            seen += [one["id"] for one in page["items"]]
            cursor = page.get("nextCursor")
            if cursor is None:
                break
        assert seen == [f"txn_{n}" for n in (4, 3, 2, 1, 0)]
        one = (await owner.get("/api/v1/stripe/transactions/txn_2")).json()
        assert (one["amountCents"], one["feeCents"], one["netCents"]) == (1_000, 59, 941)
        assert (await stranger.get("/api/stripe/transactions")).json()["items"] == []
        for path in ("/api/stripe/transactions/txn_2", "/api/stripe/transactions/txn_none"):
            answer = await stranger.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, "no_such_transaction")
        bad = await owner.get("/api/stripe/transactions", params={"cursor": "WyJhIiwiYiJd"})
        assert bad.status_code == 400


async def test_what_becomes_available_later_is_pending_until_then(
    shop: Service, stripe: FakeStripe, clock: FrozenClock
) -> None:
    stripe.movements = [movement("x", clock.now + timedelta(days=2))]
    await linked(shop)
    await pull(shop)
    async with shop.as_user(ADA) as owner:
        path = "/api/stripe/transactions/txn_x"
        assert (await owner.get(path)).json()["status"] == "pending"
        clock.advance(seconds=2 * 86_400)
        assert (await owner.get(path)).json()["status"] == "available"


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("arrive"), st.integers(0, 59)),
            st.tuples(st.just("pull"), st.integers(0, 3)),
        ),
        max_size=25,
    )
)
async def test_nothing_is_lost_in_any_order_of_arrivals_and_broken_pulls(
    shop: Service, stripe: FakeStripe, steps: list[tuple[str, int]]
) -> None:
    """Movements show up at most an hour late; a pull may break off after any page."""
    await shop.execute("DELETE FROM stripe_transactions")
    await shop.execute("DELETE FROM stripe_pulls")
    await shop.execute("DELETE FROM connections")
    await shop.execute("DELETE FROM oauth_tokens")
    stripe.movements, stripe.fail = [], {}
    await linked(shop)
    at = NOW
    for number, (what, value) in enumerate(steps):
        if what == "arrive":
            at += timedelta(minutes=7)
            stripe.movements.append(movement(f"{number}", at - timedelta(minutes=value)))
        else:
            stripe.fail["transactions"] = []
            broken = value
            pages = 0

            async def stop(name: str, broken: int = broken) -> None:
                nonlocal pages
                pages += name == "transactions"
                if broken and name == "transactions" and pages > broken:
                    raise StripeUnavailable("away")

            stripe.look = stop
            await pull(shop)
    stripe.look = None
    for _ in range(2):
        assert (await pull(shop)).state is PullState.COMPLETE
    assert sorted(await kept(shop)) == sorted(one.transaction_id for one in stripe.movements)
