"""When a connected account's balance is paid out by itself.

Runs are at midnight UTC of a working day that the schedule names. A jump of the clock over
several runs makes one payout, not one for each day that was jumped over.
"""

from datetime import UTC, datetime, timedelta

from opside_sandbox.stripe import jobs
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.world import World

RUN = "payout_run"
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SATURDAY = 5


def plan(world: World, available_on: int) -> None:
    """Look at this account's balance at the first run after `available_on` (unix seconds)."""
    account = world.at(None).get("account", world.account) if world.account else None
    if account is None or account.get("deleted"):
        return
    schedule = account["settings"]["payouts"]["schedule"]
    if schedule["interval"] == "manual":
        return
    wanted = next_run(schedule, max(available_on, world.now()))
    waiting = world.state.store.find(jobs.JOBS, kind=RUN, account=world.account)
    if waiting is not None:
        if waiting["due_at"] <= wanted:
            return
        world.state.store.delete(jobs.JOBS, waiting["id"])
    now = world.state.clock.now().timestamp()
    jobs.later(world, RUN, account["id"], seconds=wanted - now)


def change(world: World) -> None:
    """The account's schedule is another one: forget the run that the old one has planned."""
    waiting = world.state.store.find(jobs.JOBS, kind=RUN, account=world.account)
    if waiting is not None:
        world.state.store.delete(jobs.JOBS, waiting["id"])
    plan(world, world.now())


def next_run(schedule: Document, after: int) -> int:
    """Unix seconds of the first run later than `after`."""
    day = datetime.fromtimestamp(after, UTC).replace(hour=0, minute=0, second=0)
    while True:
        day += timedelta(days=1)
        if _is_run(schedule, day):
            return int(day.timestamp())


def _is_run(schedule: Document, day: datetime) -> bool:
    if schedule["interval"] == "weekly":
        return _WEEKDAYS[day.weekday()] in schedule["weekly_payout_days"]
    if schedule["interval"] == "monthly":
        dates, is_last = schedule["monthly_payout_days"], (day + timedelta(days=1)).day == 1
        return day.day in dates or (is_last and max(dates) > day.day)
    return is_working_day(day)


def is_working_day(day: datetime) -> bool:
    """Monday to Friday; the sandbox knows no bank holidays."""
    return day.weekday() < _SATURDAY


def working_days_after(start: int, days: int) -> int:
    """Midnight (unix seconds) of the n-th working day after `start`."""
    day = datetime.fromtimestamp(start, UTC).replace(hour=0, minute=0, second=0)
    while days:
        day += timedelta(days=1)
        days -= is_working_day(day)
    return int(day.timestamp())
