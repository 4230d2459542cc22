"""Events that no delivery brought: read from Stripe's lists, from where the last look ended."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from door import Door
from factories.commission_bench import GROSS, Bench, ask
from fakes.stripe_fake import GOOD, unknown
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from opside_chassis.database import EVERY_TENANT, transaction
from stripe_payments.reconciliation import poll
from stripe_payments.reconciliation.poll import OVERLAP, Poller, spans
from stripe_payments.roles import API, AUDITOR, JANITOR
from stripe_payments.stripe_api.errors import OutcomeUnknown
from stripe_payments.stripe_api.gateway import ListedEvents

START = datetime.now(UTC).replace(microsecond=0)


def event(name: str, *, ago: timedelta, kind: str = "payment_intent.succeeded") -> dict[str, Any]:
    return {
        "id": name,
        "type": kind,
        "livemode": False,
        "created": int((START - ago).timestamp()),
        "data": {"object": {"id": "pi_1"}},
    }


def poller(bench: Bench) -> Poller:
    return Poller(bench.sessions, bench.stripe, bench.now)


async def received(bench: Bench) -> list[tuple[str, str]]:
    async with transaction(bench.sessions, role=AUDITOR) as session:
        rows = await session.execute(text("SELECT account, event_id FROM inbox ORDER BY event_id"))
        return [tuple(row) for row in rows]


async def read_until(bench: Bench, account: str, until: datetime) -> None:
    async with transaction(bench.sessions, role=JANITOR) as session:
        await session.execute(
            text("INSERT INTO event_cursors (account, listed_until) VALUES (:account, :until)"),
            {"account": account, "until": until},
        )


async def test_a_share_waits_for_an_account_whose_event_was_never_delivered(
    bench: Bench, door: Door
) -> None:
    await bench.save_card(GOOD)
    await bench.payout_account(active=False)
    await ask(bench.api, GROSS)
    await bench.work()
    assert (await bench.row())["state"] == "transfer_blocked"
    account = bench.stripe.accounts["a"]
    bench.stripe.accounts["a"] = type(account)(account.id, True, True, True, True)
    changed = event("evt_1", ago=timedelta(0), kind="account.updated")
    bench.stripe.happened["acct_usr_a"] = [changed, event("evt_other", ago=timedelta(0))]
    await poller(bench).accounts()
    await bench.work()
    assert (await bench.row())["state"] == "settled"
    assert await received(bench) == [("acct_usr_a", "evt_1")]


async def test_what_was_polled_is_a_repeat_when_it_is_delivered(bench: Bench, door: Door) -> None:
    bench.stripe.happened[""] = [event("evt_1", ago=timedelta(minutes=1))]
    await poller(bench).platform()
    await poller(bench).platform()
    await door.deliver(event("evt_1", ago=timedelta(minutes=1)))
    assert await received(bench) == [("", "evt_1")]


async def test_a_restart_after_days_reads_all_that_happened_meanwhile(bench: Bench) -> None:
    await read_until(bench, "", START - timedelta(days=20))
    bench.stripe.happened[""] = [
        event(f"evt_{day:02}_{number}", ago=timedelta(days=day, minutes=number))
        for day in range(20)
        for number in range(30)
    ]
    bench.stripe.most_listed = 50
    runs = 0
    while len(await received(bench)) < 600:
        await poller(bench).platform()
        runs += 1
        assert runs < 12
    assert runs > 1  # bounded, and the next run goes on
    bench.stripe.looks.clear()
    await poller(bench).platform()
    assert [since for _, since, _ in bench.stripe.looks] == [START - OVERLAP]


async def test_what_is_read_before_a_crash_is_not_read_again(bench: Bench) -> None:
    await read_until(bench, "", START - timedelta(hours=40))
    bench.stripe.happened[""] = [
        event(f"evt_{hour:02}", ago=timedelta(hours=hour)) for hour in range(40)
    ]
    bench.stripe.fail["events", "before"] = []
    listed = bench.stripe.events

    async def breaks_later(*arguments: Any, **named: Any) -> ListedEvents:
        if len(bench.stripe.looks) >= 3:
            raise unknown()
        return await listed(*arguments, **named)

    bench.stripe.events = breaks_later  # type: ignore[method-assign]
    with pytest.raises(OutcomeUnknown):
        await poller(bench).platform()
    some = len(await received(bench))
    assert 0 < some < 40
    bench.stripe.events, last = listed, bench.stripe.looks[-1][2]  # type: ignore[method-assign]
    assert last is not None
    bench.stripe.looks.clear()
    await poller(bench).platform()
    assert bench.stripe.looks[0][1] == last - OVERLAP
    assert len(await received(bench)) == 40


async def test_an_event_that_shows_up_late_is_read_all_the_same(bench: Bench) -> None:
    bench.stripe.happened[""] = [event("evt_new", ago=timedelta(0))]
    await poller(bench).platform()
    bench.stripe.happened[""].append(event("evt_late", ago=OVERLAP - timedelta(seconds=1)))
    await poller(bench).platform()
    assert [name for _, name in await received(bench)] == ["evt_late", "evt_new"]


async def test_one_account_that_does_not_answer_holds_no_other_up(bench: Bench) -> None:
    for account in ("acct_1", "acct_2", "acct_3"):
        await read_until(bench, account, START)
        bench.stripe.happened[account] = [
            event(f"evt_{account}", ago=timedelta(0), kind="account.updated")
        ]
    bench.stripe.silent_accounts = {"acct_1", "acct_2"}
    await poller(bench).accounts()
    assert await received(bench) == [("acct_3", "evt_acct_3")]


async def test_accounts_take_turns(bench: Bench) -> None:
    async with transaction(bench.sessions, role=JANITOR) as session:
        await session.execute(
            text(
                "INSERT INTO event_cursors (account, listed_until) SELECT 'acct_' || n, now()"
                " FROM generate_series(1, :accounts) n"
            ),
            {"accounts": 2 * poll.ACCOUNTS_AT_ONCE},
        )
    for _ in range(2):
        await poller(bench).accounts()
    asked = [account for account, _, _ in bench.stripe.looks]
    assert len(asked) == len(set(asked)) == 2 * poll.ACCOUNTS_AT_ONCE


async def test_reading_begins_with_the_account(bench: Bench) -> None:
    await bench.payout_account(active=False)
    await poller(bench).accounts()
    [(account, since, _)] = bench.stripe.looks
    async with transaction(bench.sessions, tenant=EVERY_TENANT, role=API) as session:
        made = (await session.execute(text("SELECT created_at FROM stripe_accounts"))).scalar_one()
    assert (account, since) == ("acct_usr_a", made - OVERLAP)


async def test_an_event_that_no_database_can_store_does_not_stop_the_others(bench: Bench) -> None:
    bad = event("evt_bad", ago=timedelta(minutes=2))
    bad["data"]["object"]["note"] = "a\x00b"
    bench.stripe.happened[""] = [bad, event("evt_good", ago=timedelta(minutes=1))]
    await poller(bench).platform()
    assert await received(bench) == [("", "evt_good")]


async def test_a_cursor_never_goes_back(bench: Bench) -> None:
    await read_until(bench, "", START)
    with pytest.raises(DBAPIError, match="moves forward"):
        async with transaction(bench.sessions, role=JANITOR) as session:
            await session.execute(
                text("UPDATE event_cursors SET listed_until = :then"),
                {"then": START - timedelta(seconds=1)},
            )
    for statement in (
        "DELETE FROM event_cursors",
        "UPDATE event_cursors SET account = 'x'",
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with transaction(bench.sessions, role=JANITOR) as session:
                await session.execute(text(statement))


@dataclass
class Lists:
    """Of a Stripe only its lists: events so many seconds before START, `most` a look."""

    ago: list[int]
    most: int

    async def events(
        self, _account: str, *, since: datetime, before: datetime | None, types: object
    ) -> ListedEvents:
        made = sorted(START - timedelta(seconds=one) for one in self.ago)
        inside = [one for one in made if since <= one and (before is None or one < before)]
        listed = [{"created": one.timestamp()} for one in inside[-self.most :]]
        return ListedEvents(listed, whole=len(inside) <= self.most)


@given(
    st.lists(st.integers(0, 40 * 86_400), max_size=60),
    st.integers(1, 20),
    st.integers(0, 40 * 86_400),
)
async def test_spans_leave_nothing_out_and_end(ago: list[int], most: int, away: int) -> None:
    most = max(most, *(ago.count(one) for one in ago), 1)
    cursor, seen = START - timedelta(seconds=away), []
    lists: Any = Lists(ago, most)
    for _ in range(200):  # runs
        since = cursor
        async for span in spans(lists, "", since=since, clock=lambda: START):
            assert span.until >= cursor
            seen += [START.timestamp() - one["created"] for one in span.events]
            cursor = span.until
        if cursor == since:
            break
    due = sorted(one for one in ago if one <= away)
    assert sorted(set(seen)) == sorted(set(due))
    assert len(seen) <= len(due) + most  # the last look may see its newest again
