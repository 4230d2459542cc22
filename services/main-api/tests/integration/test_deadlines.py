"""Deadlines are seen coming: radar, drafts in time, expiry, a calendar, and many at once."""

import asyncio
from datetime import date, timedelta
from typing import Any

from factories import connection
from fakes.integrations_fake import seller_case
from fakes.payments_fake import problem
from seller import Seller

from main_api.events.apply import APPLY_EVENT
from main_api.filings.watch_deadlines import WATCH_EVERYBODY, WATCH_SELLER
from opside_chassis.database import transaction
from opside_chassis.inbox import InboxEvent, receive
from opside_chassis.outbox import stage


def today_of(seller: Seller) -> date:
    return seller.door.clock.now.date()


def cases(seller: Seller, *in_days: int, **changes: Any) -> None:
    """Open cases that end in so many days."""
    today = today_of(seller)
    seller.integrations.cases[seller.user_id] = [
        seller_case(n, deadline=today + timedelta(days=days), **changes)
        for n, days in enumerate(in_days)
    ]


async def watch(seller: Seller, kind: str = WATCH_SELLER, tenant: str | None = "usr_a") -> None:
    async with transaction(seller.door.database.sessions) as session:
        await stage(session, kind, {}, tenant=tenant)
    await seller.work()


async def states(seller: Seller) -> dict[str, str]:
    page = await seller.got("/api/filings", limit=100)
    return {one["caseId"]: one["state"] for one in page["items"]}


async def test_the_radar_sums_money_at_risk_by_day_and_currency(seller: Seller) -> None:
    today = today_of(seller)
    first, second = today + timedelta(days=3), today + timedelta(days=9)
    seller.integrations.cases["usr_a"] = [
        seller_case(1, deadline=second, value_cents=700),
        seller_case(2, deadline=first, value_cents=1_000),
        seller_case(3, deadline=first, value_cents=None),
        seller_case(4, deadline=first, value_cents=500, currency="eur"),
        seller_case(5, deadline=today + timedelta(days=200)),
        seller_case(6, deadline=today - timedelta(days=1)),
        seller_case(7, deadline=first, status="filed"),
    ]
    await seller.posted("/api/filings", {"caseId": "cas_2"}, status=201)
    radar = await seller.got("/api/filings/radar", days=30)
    rows = [
        (one["date"], one["daysLeft"], one["currency"], one["valueCents"], one["cases"])
        for one in radar["days"]
    ]
    assert rows == [
        (first.isoformat(), 3, "eur", 500, 1),
        (first.isoformat(), 3, "usd", 1_000, 2),
        (second.isoformat(), 9, "usd", 700, 1),
    ]
    assert [one["unknownValueCases"] for one in radar["days"]] == [0, 1, 0]
    assert [one["drafted"] for one in radar["days"]] == [0, 1, 0]
    assert [one["caseId"] for one in radar["cases"]] == ["cas_2", "cas_3", "cas_4", "cas_1"]


async def test_what_is_filed_is_at_risk_no_more(seller: Seller) -> None:
    cases(seller, 3)
    filing = await seller.posted("/api/filings", {"caseId": "cas_0"}, status=201)
    assert len((await seller.got("/api/filings/radar"))["cases"]) == 1
    await seller.posted(f"/api/filings/{filing['filingId']}/filed", {"amazonCaseId": "900900"})
    assert (await seller.got("/api/filings/radar"))["cases"] == []


async def test_drafts_are_made_before_a_deadline_and_expire_after_it(seller: Seller) -> None:
    today = today_of(seller)
    cases(seller, 0, 14, 15, -1)
    await watch(seller)
    assert await states(seller) == {"cas_0": "drafted", "cas_1": "drafted"}
    await watch(seller)
    assert len(await states(seller)) == 2
    audit = await seller.execute("SELECT changed_by FROM filing_audit")
    assert {row["changed_by"] for row in audit} == {"opside"}
    seller.door.clock.advance(seconds=86_400)
    await watch(seller)
    assert (await states(seller))["cas_0"] == "drafted", f"it is still {today} in the Pacific"
    seller.door.clock.advance(seconds=86_400)
    await watch(seller)
    assert (await states(seller))["cas_0"] == "expired"


async def test_the_last_week_is_told_once(seller: Seller) -> None:
    cases(seller, 7, 7, 8)
    await watch(seller)
    await watch(seller)
    feed = (await seller.got("/api/notifications"))["items"]
    day = today_of(seller) + timedelta(days=7)
    assert [(one["kind"], one["title"]) for one in feed] == [
        ("deadline", f"2 claims must be filed by {day}")
    ]
    assert "80.00 USD is lost" in feed[0]["body"]


async def test_what_may_not_be_filed_yet_is_not_drafted(seller: Seller) -> None:
    cases(seller, 5, opens_on=today_of(seller) + timedelta(days=1))
    await watch(seller)
    assert await states(seller) == {}


async def test_filings_expire_also_while_integrations_does_not_answer(seller: Seller) -> None:
    cases(seller, 0)
    filing = await seller.posted("/api/filings", {"caseId": "cas_0"}, status=201)
    seller.door.clock.advance(seconds=3 * 86_400)
    seller.integrations.before = [problem(503) for _ in range(9)]
    await watch(seller)
    assert await states(seller) == {"cas_0": "expired"}
    path = f"/api/filings/{filing['filingId']}/filed"
    seller.integrations.before = []
    late = await seller.posted(path, {"amazonCaseId": "900900"})
    assert late["state"] == "filed", "it was filed in time and told late"


async def test_every_connected_seller_is_watched(seller: Seller, rival: Seller) -> None:
    cases(seller, 1)
    cases(rival, 1)
    event = connection()
    stored = InboxEvent("integrations-backend", "e", event.type, event.model_dump(mode="json"))
    async with transaction(seller.door.database.sessions) as session:
        await receive(session, stored, kind=APPLY_EVENT)
    await seller.work()
    await watch(seller, WATCH_EVERYBODY, None)
    assert await states(seller) == {"cas_0": "drafted"}
    assert await states(rival) == {}


async def test_many_are_drafted_at_once_and_once(seller: Seller, rival: Seller) -> None:
    cases(seller, *range(10, 110))
    rival.integrations.cases["usr_b"] = [seller_case(case_id="cas_rival")]
    wanted = {"caseIds": [*(f"cas_{number}" for number in range(100)), "cas_rival", "cas_0"]}
    path = "/api/filings/bulk/draft"
    first = (await seller.posted(path, wanted))["results"]
    assert [one["outcome"] for one in first] == ["done"] * 100 + ["refused", "done"]
    assert first[100]["code"] == "case_not_open"
    again = (await seller.posted(path, wanted))["results"]
    assert [one["outcome"] for one in again] == ["unchanged"] * 100 + ["refused", "unchanged"]
    assert [one["filingId"] for one in again] == [one["filingId"] for one in first]
    racing = await asyncio.gather(*(seller.posted(path, wanted) for _ in range(4)))
    assert len(racing) == 4
    assert len(await states(seller)) == 100


async def test_many_are_told_as_filed_each_for_itself(seller: Seller) -> None:
    cases(seller, 5, 6, 7)
    drafts = await seller.posted(
        "/api/filings/bulk/draft", {"caseIds": ["cas_0", "cas_1", "cas_2"]}
    )
    ids = [one["filingId"] for one in drafts["results"]]
    items = [
        {"filingId": ids[0], "amazonCaseId": "900900"},
        {"filingId": ids[1], "amazonCaseId": "900900"},
        {"filingId": "fil_unknown", "amazonCaseId": "900902"},
        {"filingId": ids[2], "amazonCaseId": "900903"},
    ]
    told = await seller.posted("/api/filings/bulk/filed", {"items": items})
    assert [(one["outcome"], one["code"]) for one in told["results"]] == [
        ("done", None),
        ("refused", "filed_otherwise"),
        ("refused", "no_such_filing"),
        ("done", None),
    ]
    again = await seller.posted("/api/filings/bulk/filed", {"items": items})
    assert [one["outcome"] for one in again["results"]] == [
        "unchanged",
        "refused",
        "refused",
        "unchanged",
    ]


async def test_the_cases_of_a_bulk_are_asked_for_together(seller: Seller) -> None:
    cases(seller, *range(10, 40))
    wanted = {"caseIds": [f"cas_{number}" for number in range(30)]}
    drafts = (await seller.posted("/api/filings/bulk/draft", wanted))["results"]
    seller.integrations.change("usr_a", "cas_7", status="closed", closed_reason="it was found")
    seller.door.clock.advance(seconds=1)
    seller.integrations.asked.clear()
    items = [
        {"filingId": one["filingId"], "amazonCaseId": str(900_900 + number)}
        for number, one in enumerate(drafts)
    ]
    told = (await seller.posted("/api/filings/bulk/filed", {"items": items}))["results"]
    assert [one["code"] for one in told] == [None] * 7 + ["case_not_open"] + [None] * 22
    assert seller.integrations.asked == ["GET /api/cases", "GET /api/cases/cas_7"]


async def test_a_bulk_of_what_was_filed_is_kept_while_nobody_can_be_asked(seller: Seller) -> None:
    cases(seller, 5, 6)
    drafts = await seller.posted("/api/filings/bulk/draft", {"caseIds": ["cas_0", "cas_1"]})
    seller.integrations.before = [problem(503, "unavailable") for _ in range(12)]
    items = [
        {"filingId": one["filingId"], "amazonCaseId": str(900_900 + number)}
        for number, one in enumerate(drafts["results"])
    ]
    told = await seller.posted("/api/filings/bulk/filed", {"items": items})
    assert [one["outcome"] for one in told["results"]] == ["done", "done"]


async def test_of_a_bulk_sent_twice_at_once_one_does_it(seller: Seller) -> None:
    cases(seller, 5)
    [draft] = (await seller.posted("/api/filings/bulk/draft", {"caseIds": ["cas_0"]}))["results"]
    body = {"items": [{"filingId": draft["filingId"], "amazonCaseId": "900900"}]}
    told = await asyncio.gather(*(seller.posted("/api/filings/bulk/filed", body) for _ in range(4)))
    outcomes = sorted(one["results"][0]["outcome"] for one in told)
    assert outcomes == ["done", "unchanged", "unchanged", "unchanged"]


async def test_a_bulk_has_a_limit(seller: Seller) -> None:
    wanted = {"caseIds": [f"cas_{number}" for number in range(201)]}
    await seller.posted("/api/filings/bulk/draft", wanted, status=422)
    await seller.posted("/api/filings/bulk/draft", {"caseIds": []}, status=422)


async def feed_of(seller: Seller) -> str:
    view = await seller.posted("/api/filings/calendar", status=201)
    return view["url"].removeprefix("https://app.opside.test")


async def test_a_calendar_program_reads_the_deadlines_without_signing_in(seller: Seller) -> None:
    cases(seller, 3, 3, 8, -2)
    await seller.got("/api/filings/radar")
    address = await feed_of(seller)
    async with seller.door.client() as program:
        answer = await program.get(address)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    document = answer.content.decode()
    day = today_of(seller) + timedelta(days=3)
    assert document.count("BEGIN:VEVENT") == 2
    assert f"DTSTART;VALUE=DATE:{day:%Y%m%d}\r\n" in document
    assert "SUMMARY:Last day for 2 Amazon claims: 80.00 USD\r\n" in document


async def test_a_revoked_or_renewed_address_shows_nothing(seller: Seller, rival: Seller) -> None:
    cases(seller, 3)
    first = await feed_of(seller)
    second = await feed_of(seller)
    async with seller.door.client() as program:
        assert (await program.get(first)).status_code == 404
        assert (await program.get(second)).status_code == 200
        assert (await rival.http.delete("/api/filings/calendar")).status_code == 204
        assert (await program.get(second)).status_code == 200
        assert (await seller.http.delete("/api/filings/calendar")).status_code == 204
        assert (await program.get(second)).status_code == 404
        assert (await program.get("/api/filings/calendar.ics")).status_code == 422
    stored = await seller.execute("SELECT * FROM calendar_feeds")
    assert stored == []


async def test_an_address_is_stored_only_as_its_hash(seller: Seller) -> None:
    secret = (await feed_of(seller)).split("key=")[1]
    [row] = await seller.execute("SELECT secret_hash FROM calendar_feeds")
    assert secret not in row["secret_hash"]
    assert len(secret) >= 43
