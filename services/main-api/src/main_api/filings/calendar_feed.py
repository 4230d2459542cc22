"""A seller's deadlines for his calendar program, at a secret address that can be revoked."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

from main_api.filings import queries
from main_api.filings.errors import NoSuchFeed
from main_api.filings.ics import CalendarDay, calendar
from main_api.filings.radar import Waiting, deadlines, money_at_risk
from main_api.filings.schemas import FeedAddress
from main_api.sessions.rules import hash_of, new_secret
from opside_chassis.clock import Clock
from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.money import Money

FEED_PATH = "/api/filings/calendar.ics"
AHEAD_DAYS = 400
MOST_CASES_NAMED = 20
"""Of one day, in an event's description."""
LONGEST_SECRET_CHARS = 100


async def open_feed(sessions: Sessions, *, user_id: str, app_url: str) -> FeedAddress:
    """A new secret address; the one before is worth nothing from now on."""
    secret = new_secret()
    async with transaction(sessions, tenant=user_id) as session:
        await queries.put_feed(session, user_id=user_id, secret_hash=hash_of(secret))
    # In the query, not in the path: paths stand in access logs.
    return FeedAddress(url=f"{app_url.rstrip('/')}{FEED_PATH}?key={secret}")


async def revoke_feed(sessions: Sessions, *, user_id: str) -> None:
    """The address shows nothing any more; without one nothing changes."""
    async with transaction(sessions, tenant=user_id) as session:
        await queries.remove_feed(session, user_id)


async def read_feed(sessions: Sessions, secret: str, *, clock: Clock) -> bytes:
    """The deadlines of whoever made this secret.

    Raises:
        NoSuchFeed: nobody made it, or it was revoked.
    """
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        user_id = await queries.user_of_feed(session, hash_of(secret[:LONGEST_SECRET_CHARS]))
    if user_id is None:
        raise NoSuchFeed("there is no such calendar")
    today = clock().date()
    known, waiting = await deadlines(
        sessions, user_id=user_id, start=today, end=today + timedelta(days=AHEAD_DAYS)
    )
    as_of = known.as_of or datetime(today.year, today.month, today.day, tzinfo=UTC)
    return calendar(calendar_days(waiting, today), owner=user_id, as_of=as_of)


def calendar_days(waiting: list[Waiting], today: date) -> list[CalendarDay]:
    """One entry a day: how many claims end, what is known of their worth, and which they are."""
    worth: dict[date, list[str]] = defaultdict(list)
    counted: dict[date, int] = defaultdict(int)
    for row in money_at_risk(waiting, today):
        counted[row.date] += row.cases
        if row.value_cents:
            worth[row.date].append(str(Money(row.value_cents, row.currency)))
        if row.unknown_value_cases:
            worth[row.date].append(f"{row.unknown_value_cases} of unknown value")
    named: dict[date, list[str]] = defaultdict(list)
    for one in waiting:
        named[one.case.deadline].append(_line(one))
    return [
        CalendarDay(
            day,
            f"Last day for {count} Amazon claim{'s' * (count > 1)}: {', '.join(worth[day])}",
            "\n".join(_cut(named[day])),
        )
        for day, count in sorted(counted.items())
    ]


def _line(one: Waiting) -> str:
    case = one.case
    state = one.state.value if one.state else "not drafted"
    what = case.claim_type.replace("_", " ")
    return f"{case.case_id}: {case.quantity} x {case.sku or case.fnsku}, {what}, {state}"


def _cut(lines: list[str]) -> list[str]:
    more = len(lines) - MOST_CASES_NAMED
    return lines if more <= 0 else [*lines[:MOST_CASES_NAMED], f"and {more} more"]
