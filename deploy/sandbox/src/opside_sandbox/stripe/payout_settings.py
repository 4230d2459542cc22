"""`settings[payouts]` of a connected account: its schedule, and what happens to debts."""

from typing import Any

from opside_sandbox.stripe import payout_schedule
from opside_sandbox.stripe.errors import Document, invalid
from opside_sandbox.stripe.fields import boolean, list_of, one_of, record, text, whole_number
from opside_sandbox.stripe.world import World

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
_LEAST_DELAY_DAYS = 2


def apply(world: World, account: Document, given: Document | None) -> None:
    """Take the payout settings that the request gave. The caller saves the account."""
    asked = (given or {}).get("payouts")
    if asked is None:
        return
    settings = dict(account["settings"]["payouts"])
    for name in ("debit_negative_balances", "statement_descriptor"):
        if name in asked:
            settings[name] = asked[name]
    if schedule := asked.get("schedule"):
        settings["schedule"] = _schedule(settings["schedule"], schedule)
    account["settings"] = {**account["settings"], "payouts": settings}
    if world.at(None).get("account", account["id"]) is not None:
        world.at(None).save(account)  # the plan reads the schedule
        payout_schedule.change(world.at(account["id"]))


def _schedule(known: Document, asked: Document) -> Document:
    interval = asked.get("interval", known["interval"])
    schedule: Document = {
        "delay_days": asked.get("delay_days", known["delay_days"]),
        "interval": interval,
    }
    if interval == "weekly":
        days = asked.get("weekly_payout_days") or [asked.get("weekly_anchor", "monday")]
        schedule.update(weekly_anchor=days[0], weekly_payout_days=days)
    if interval == "monthly":
        dates = asked.get("monthly_payout_days") or [asked.get("monthly_anchor", 1)]
        schedule.update(monthly_anchor=dates[0], monthly_payout_days=dates)
    for name, needed in (("weekly_anchor", "weekly"), ("monthly_anchor", "monthly")):
        if name in asked and interval != needed:
            raise invalid(
                f"You cannot set {name} unless the interval is {needed}.",
                param=f"settings[payouts][schedule][{name}]",
            )
    return schedule


def _delay(value: Any, param: str) -> int:  # noqa: ANN401
    """Days; `minimum` is the least that the country allows."""
    if value == "minimum":
        return _LEAST_DELAY_DAYS
    return int(whole_number(_LEAST_DELAY_DAYS, 31)(value, param))


_DATE = whole_number(1, 31)
SETTINGS = record(
    {
        "payouts": record(
            {
                "debit_negative_balances": boolean,
                "schedule": record(
                    {
                        "delay_days": _delay,
                        "interval": one_of("daily", "manual", "monthly", "weekly"),
                        "monthly_anchor": _DATE,
                        "monthly_payout_days": list_of(_DATE),
                        "weekly_anchor": one_of(*_DAYS),
                        "weekly_payout_days": list_of(one_of(*_DAYS)),
                    }
                ),
                "statement_descriptor": text,
            }
        )
    }
)
