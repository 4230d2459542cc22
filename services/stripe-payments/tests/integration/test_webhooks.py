"""Deliveries in every order, doubled, lost, forged, of another mode or endpoint: one state, one book."""

import asyncio
import contextlib
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import asyncpg
import pytest
from door import CONNECT_SECRET, Door, signed
from factories.commission_bench import GROSS, Bench, ask
from fakes.stripe_fake import GOOD, Crash, unknown
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from patience import patiently
from sqlalchemy import text

from opside_chassis.database import EVERY_TENANT, transaction
from opside_chassis.errors import BadRequest
from opside_chassis.jobs import drain
from opside_chassis.middleware import security_headers
from opside_chassis.rate_limits import RateLimiter
from opside_chassis.testing.plugin import MigratedDatabase
from stripe_payments.stripe_api.errors import ACCOUNT_GONE, Refused
from stripe_payments.webhooks.event import parse_event
from stripe_payments.webhooks.routes import PATHS

SECURITY = {name.lower(): value for name, value in security_headers(production=False).items()}
LIFE = (
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "charge.succeeded",
    "charge.failed",
    "transfer.created",
    "transfer.paid",
)
"""Every event type of a gross commission's life, and two that lie about it."""


def event(event_type: str, *, number: int = 1, **more: Any) -> dict[str, Any]:
    """As Stripe would send it of the one commission there is."""
    ids = {"payment_intent": "pi_1", "charge": "ch_1", "transfer": "tr_1", "refund": "re_1"}
    family = event_type.partition(".")[0]
    return {
        "id": f"evt_{event_type}_{number}",
        "type": event_type,
        "livemode": False,
        "data": {"object": {"id": ids.get(family, "x"), "payment_intent": "pi_1"}},
        **more,
    }


async def inbox(bench: Bench) -> dict[str, str]:
    async with transaction(bench.sessions) as session:
        rows = await session.execute(text("SELECT event_id, status FROM inbox"))
        return {row.event_id: row.status for row in rows}


async def half_done(bench: Bench) -> None:
    """Stripe has charged; we were killed before we heard of it, and never look by ourselves."""
    await bench.save_card(GOOD)
    await bench.payout_account(active=True)
    await ask(bench.api, GROSS)
    bench.stripe.fail["confirm_intent", "after"] = [Crash()]
    await bench.work(rounds=1)
    async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
        await session.execute(text("DELETE FROM outbox"))
    assert (await bench.row())["state"] == "confirming"


PAIRS = list(itertools.permutations(LIFE, 2))


@pytest.mark.parametrize(("first", "second"), PAIRS)
async def test_every_pair_of_events_ends_in_the_same_state(
    door: Door, bench: Bench, first: str, second: str
) -> None:
    await half_done(bench)
    for one in (event(first), event(second), event(first), event(second, number=2)):
        answer = await door.deliver(one)
        assert answer.status_code == 200
        await bench.work(rounds=2)
    if not {first, second} & {"payment_intent.succeeded", "charge.succeeded"}:
        # What they say of the intent is fetched, so that even a lie brings the truth; a transfer's
        # event says nothing of an intent, and the sweep looks at the row in time.
        await door.deliver(event("payment_intent.succeeded"))
        await bench.work(rounds=2)
    await bench.work()
    row = await bench.row()
    assert (row["state"], row["collected_minor"], row["transferred_minor"]) == (
        "settled",
        10_000,
        8_000,
    )
    assert bench.stripe.charges == 1
    assert len(bench.stripe.transfers) == 1
    assert (await bench.proof())["platform_balance_minor"] == 10_000 - 320 - 8_000


async def test_a_repeat_is_stored_and_applied_once(door: Door, bench: Bench) -> None:
    await half_done(bench)
    for path in PATHS:
        answer = await door.deliver(event("payment_intent.succeeded"), path=path)
        assert answer.json() == {"received": True}
    await bench.work()
    assert await inbox(bench) == {"evt_payment_intent.succeeded_1": "applied"}


async def test_an_unknown_type_is_stored_and_ignored(door: Door, bench: Bench) -> None:
    for _ in range(2):
        assert (await door.deliver(event("balance.available"))).status_code == 200
    assert await inbox(bench) == {"evt_balance.available_1": "ignored"}
    async with transaction(bench.sessions) as session:
        assert (await session.execute(text("SELECT count(*) FROM outbox"))).scalar_one() == 0
    stats = await door.ask(
        "GET",
        "/api/v1/stripe/unprocessed-webhooks",
        headers=door.person("usr_admin", role="admin"),
    )
    assert stats.json()["total"] == 0
    [ignored] = stats.json()["ignored"]
    assert (ignored["type"], ignored["number"]) == ("balance.available", 1)


GOOD_BODY = json.dumps(event("product.updated"))
HOSTILE_BODIES = {
    "nul": GOOD_BODY.replace('"x"', '"a\\u0000b"'),
    "nul in a name": GOOD_BODY.replace('"payment_intent"', '"a\\u0000b"'),
    "nul in the id": GOOD_BODY.replace("evt_", "evt\\u0000"),
    "surrogate": GOOD_BODY.replace('"x"', '"a\\ud800b"'),
    "surrogates the wrong way round": GOOD_BODY.replace('"x"', '"\\ude00\\ud83d"'),
    "raw surrogate": GOOD_BODY.replace('"x"', '"a\ud800b"'),
    "beyond a float": GOOD_BODY.replace('"x"', "1e999"),
    "below a float": GOOD_BODY.replace('"x"', "-1e999"),
    "not a number": GOOD_BODY.replace('"x"', "NaN"),
    "too many digits": GOOD_BODY.replace('"x"', "9" * 5_000),
    "too deep to read": GOOD_BODY.replace('"x"', "[" * 100_000 + "]" * 100_000),
    "too deep to write": GOOD_BODY.replace('"x"', "[" * 950 + "]" * 950),
    "too deep in members": GOOD_BODY.replace('"x"', '{"a":' * 500 + "1" + "}" * 500),
    "a list": "[]",
    "a number": "7",
    "an id that is none": GOOD_BODY.replace('"evt_product.updated_1"', "{}"),
    "an id without end": GOOD_BODY.replace("evt_", "evt_" * 2_000),
    "a type without end": GOOD_BODY.replace('"product.updated"', '"' + "p" * 5_000 + '"'),
    "an account that is none": GOOD_BODY.replace('"livemode"', '"account": [1], "livemode"'),
    "another alphabet": GOOD_BODY.encode("utf-16").decode("latin-1"),
}


@pytest.mark.parametrize("handled", [False, True])
@pytest.mark.parametrize("kind", HOSTILE_BODIES)
async def test_a_signed_body_that_cannot_be_stored_is_refused(
    door: Door, bench: Bench, kind: str, handled: bool
) -> None:
    body = HOSTILE_BODIES[kind]
    if handled:
        body = body.replace("product.updated", "payment_intent.succeeded")
    coding = "latin-1" if kind == "another alphabet" else "utf-8"
    raw = body.encode(coding, "surrogatepass")
    answer = await door.ask("POST", PATHS[0], content=raw, headers=signed(raw))
    assert answer.status_code == 400
    assert await inbox(bench) == {}


async def test_texts_of_every_language_and_deep_ones_are_stored(door: Door, bench: Bench) -> None:
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"in": deep}
    texts = {"name": "Zoë 小 \U0001f600", "amount": 1.25, "deep": deep, "lines": ["\u0085\n"] * 300}
    changed = event("payment_intent.succeeded")
    changed["data"]["object"] |= texts
    assert (await door.deliver(changed)).status_code == 200
    async with transaction(bench.sessions) as session:
        stored = await session.execute(text("SELECT payload->'event'->'data'->'object' FROM inbox"))
        assert stored.scalar_one().items() >= texts.items()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.from_regex(r"[\[{\"\\u0d80,:}\]1e-]{0,80}").map(str.encode))
def test_whatever_is_delivered_is_an_event_or_refused(payload: bytes) -> None:
    with contextlib.suppress(BadRequest):
        json.dumps(parse_event(payload).body, allow_nan=False).encode("ascii")


NUMBERS = st.from_regex(
    r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,450})?([eE][-+]?[0-9]{1,5})?", fullmatch=True
)
TEXTS = st.text(max_size=8).map(json.dumps) | st.sampled_from(
    ['"\\u0000"', '"\\ud800"', '"\x7f"', '"ü"']
)
"""As they stand in JSON."""


def objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Objects of few names, so that some stand there twice."""
    names = st.sampled_from(['"a"', '"b"', '"\\u0000"'])
    members = st.lists(st.tuples(names, values).map(" :\t".join), max_size=5)
    return members.map(lambda given: "{" + "\n,".join(given) + "}")


def lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=4).map(lambda given: "[" + ", ".join(given) + "]")


JSON = st.recursive(
    NUMBERS | TEXTS | st.sampled_from(["true", "null", "NaN", "-Infinity", "1e-99999", "0e99999"]),
    lambda values: objects(values) | lists(values),
    max_leaves=8,
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(objects(JSON).map(" {} ".format))
async def test_postgres_takes_what_the_parser_takes_as_the_same_value(
    migrated: MigratedDatabase, given_text: str
) -> None:
    try:
        parsed = parse_event(given_text.encode())
    except BadRequest:
        return
    connection = await asyncpg.connect(migrated.admin_url)
    try:
        kept = await connection.fetchval("SELECT CAST($1 AS jsonb)", parsed.text)
    finally:
        await connection.close()
    # A jsonb number has no type: 1e23 comes back as an integer.
    assert json.loads(kept, parse_int=float) == json.loads(parsed.text, parse_int=float)


async def test_a_failure_leaves_the_event_unapplied_and_it_comes_again(
    door: Door, bench: Bench
) -> None:
    await half_done(bench)
    bench.stripe.fail["intent", "before"] = [unknown()]
    await door.deliver(event("payment_intent.succeeded"))
    await bench.work(rounds=1)
    assert await inbox(bench) == {"evt_payment_intent.succeeded_1": "received"}
    await bench.work()
    assert await inbox(bench) == {"evt_payment_intent.succeeded_1": "applied"}


@pytest.mark.parametrize(
    "change",
    [
        {"livemode": True},
        {"account": "acct_other"},
        {"id": None, "data": None},
        {"data": {"object": []}},
        {"data": "x"},
    ],
)
async def test_what_does_not_belong_here_is_refused(
    door: Door, bench: Bench, change: dict[str, Any]
) -> None:
    answer = await door.deliver(event("payment_intent.succeeded") | change)
    assert answer.status_code == 400
    assert await inbox(bench) == {}


async def test_a_platform_event_signed_by_the_connect_endpoint_is_refused(door: Door) -> None:
    answer = await door.deliver(event("payment_intent.succeeded"), secret=CONNECT_SECRET)
    assert answer.status_code == 400


async def test_what_moves_in_a_connected_account_is_none_of_our_payments(
    door: Door, bench: Bench
) -> None:
    """Sellers link accounts of their own too; their payments carry ids that the platform has not."""
    for kind in ("payment_intent.succeeded", "charge.succeeded", "refund.created"):
        theirs = event(kind, account="acct_a_sellers_own")
        assert (await door.deliver(theirs, secret=CONNECT_SECRET)).status_code == 200
    await drain(bench.workshop)
    assert set((await inbox(bench)).values()) == {"ignored"}


async def test_the_event_of_an_account_that_left_us_is_ignored_and_says_why(
    door: Door, bench: Bench
) -> None:
    bench.stripe.fail["account", "before"] = [Refused(ACCOUNT_GONE, "access was revoked")]
    left = event("account.updated", account="acct_left")
    assert (await door.deliver(left, secret=CONNECT_SECRET)).status_code == 200
    await drain(bench.workshop)
    async with transaction(bench.sessions) as session:
        found = (await session.execute(text("SELECT status, last_error FROM inbox"))).one()
        jobs = (await session.execute(text("SELECT status, failures FROM outbox"))).one()
    assert found.status == "ignored"
    assert "acct_left" in found.last_error
    assert "revoked" in found.last_error
    assert tuple(jobs) == ("done", 0)


async def test_another_refusal_of_an_account_is_tried_again(door: Door, bench: Bench) -> None:
    bench.stripe.fail["account", "before"] = [Refused("parameter_invalid", "?")]
    await door.deliver(event("account.updated", account="acct_here"), secret=CONNECT_SECRET)
    await bench.work(rounds=1)
    assert await inbox(bench) == {"evt_account.updated_1": "received"}


async def test_a_forged_or_unsigned_delivery_says_nothing_more(door: Door) -> None:
    forged = await door.deliver(event("payment_intent.succeeded"), secret="another")
    unsigned = await door.ask("POST", "/webhooks/stripe", json=event("payment_intent.succeeded"))
    assert (forged.status_code, unsigned.status_code) == (400, 400)


async def deliver_at_once(door: Door, events: list[dict[str, Any]]) -> None:
    """All of them in one moment; what a busy machine answers 503 is sent again, as Stripe does."""
    answers = await asyncio.gather(*(patiently(partial(door.deliver, one)) for one in events))
    assert Counter(answer.status_code for answer in answers) == {200: len(events)}


async def test_a_thousand_deliveries_at_once_are_all_kept(door: Door, bench: Bench) -> None:
    await deliver_at_once(door, [event("balance.available", number=n) for n in range(1_000)])
    assert len(await inbox(bench)) == 1_000


async def test_of_a_thousand_deliveries_at_once_every_one_is_applied(
    door: Door, bench: Bench
) -> None:
    await ask(bench.api, GROSS)
    about = {"object": {"id": "tr_1", "transfer_group": (await bench.row())["id"]}}
    events = [event("transfer.created", number=n, data=about) for n in range(1_000)]
    await deliver_at_once(door, events)
    await drain(bench.workshop, max_jobs=1_100)
    states = Counter((await inbox(bench)).values())
    assert states == {"applied": 1_000}


async def test_a_delivery_answers_as_closed_as_every_route(door: Door) -> None:
    stored = await door.deliver(event("balance.available"))
    refused = await door.deliver(event("balance.available"), secret="another")
    assert dict(stored.headers).items() >= SECURITY.items()
    assert dict(refused.headers).items() >= SECURITY.items()
    assert stored.headers["content-type"] == "application/json"


async def test_a_delivery_in_parts_is_stored_and_one_too_large_is_not(
    door: Door, bench: Bench
) -> None:
    async def parts(event_id: str, filler: int) -> AsyncIterator[bytes]:
        yield f'{{"id": "{event_id}", "type": "balance.available", "livemode": false, '.encode()
        yield b'"data": {"object": {"x": "' + b"y" * filler
        yield b'"}}}'

    statuses = []
    for event_id, filler in (("evt_fits", 1_000), ("evt_large", 1_100_000)):
        body = b"".join([part async for part in parts(event_id, filler)])
        answer = await door.ask(
            "POST", PATHS[0], content=parts(event_id, filler), headers=signed(body)
        )
        statuses.append(answer.status_code)
    assert statuses == [200, 413]
    assert await inbox(bench) == {"evt_fits": "ignored"}


async def test_forged_deliveries_are_counted_and_signed_ones_are_not(door: Door) -> None:
    door.app.state.rate_limiter = RateLimiter(service="payments", per_minute=1)
    forged = [await door.deliver(event("x"), secret="another") for _ in range(610)]
    assert {answer.status_code for answer in forged[:600]} == {400}
    assert {answer.status_code for answer in forged[600:]} == {429}
    assert (await door.deliver(event("balance.available"))).status_code == 200


async def test_a_lost_database_is_not_answered_with_200(
    door: Door, bench: Bench, migrated: MigratedDatabase
) -> None:
    administrator = await asyncpg.connect(migrated.admin_url)
    await administrator.execute("ALTER TABLE payments.inbox RENAME TO away")
    assert (await door.deliver(event("balance.available"))).status_code == 500
    await administrator.execute("ALTER TABLE payments.away RENAME TO inbox")
    await administrator.close()
    assert (await door.deliver(event("balance.available"))).status_code == 200
    assert await inbox(bench) == {"evt_balance.available_1": "ignored"}
