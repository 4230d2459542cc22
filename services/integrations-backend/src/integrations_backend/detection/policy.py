"""Amazon's windows and valuation, as dated data with a source (rulings R16); code holds none of it."""

import calendar
import json
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

WHOLE_BP = 10_000
"""Basis points of a whole."""


@dataclass(frozen=True, slots=True)
class Window:
    """When losses of one type may be claimed, counted from the event, both ends inclusive.

    It closes after so many days or, where Amazon counts so, calendar months: one of the two is given.
    `evidence` is what a claim must show beside the rows that it rests on.
    """

    claim_type: str
    countries: tuple[str, ...]
    opens_days: int
    valid_from: date
    value: str
    evidence: tuple[str, ...]
    source: str
    closes_days: int | None = None
    closes_months: int | None = None

    def opens(self, event: date) -> date:
        """The first day on which a claim may be filed."""
        return event + timedelta(days=self.opens_days)

    def deadline(self, event: date) -> date:
        """The last day; it counts from the event and never moves."""
        if self.closes_months is not None:
            return months_later(event, self.closes_months)
        return event + timedelta(days=self.closes_days or 0)


@dataclass(frozen=True, slots=True)
class FeeTax:
    """A tax that Amazon may add to its fees; `place` where it holds for a part of the country only."""

    countries: tuple[str, ...]
    basis_points: int
    valid_from: date
    source: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class ReturnStates:
    """Whose fault a returned unit's disposition says that its state is, and until when it may be rebooked."""

    amazons_fault: frozenset[str]
    buyers_fault: frozenset[str]
    rebooked_within_days: int
    valid_from: date
    source: str


@dataclass(frozen=True, slots=True)
class Policy:
    """All windows and tax rates of one version.

    `referral_percents` are those that Amazon takes of a price.
    """

    version: str
    windows: tuple[Window, ...]
    fee_taxes: tuple[FeeTax, ...]
    referral_percents: tuple[int, ...]
    returns: ReturnStates

    def window(self, claim_type: str, country: str, event: date) -> Window | None:
        """The window in force on the day of the event; a country's own comes before the general."""
        fitting = [
            one
            for one in self.windows
            if one.claim_type == claim_type
            and one.valid_from <= event
            and (country in one.countries or "*" in one.countries)
        ]
        return max(
            fitting, key=lambda one: (country in one.countries, one.valid_from), default=None
        )

    def fee_tax_bps(self, country: str, day: date) -> tuple[int, ...]:
        """The rates that Amazon's fees may hold there, in basis points; none where none is known."""
        fitting = [
            one for one in self.fee_taxes if country in one.countries and one.valid_from <= day
        ]
        in_force = {one.place: one for one in sorted(fitting, key=lambda one: one.valid_from)}
        return tuple(sorted({one.basis_points for one in in_force.values()}))


@cache
def current_policy() -> Policy:
    """The policy that this version of Opside carries."""
    data = json.loads(files(__package__).joinpath("windows.json").read_text())
    return Policy(
        version=data["version"],
        windows=tuple(_window(rule) for rule in data["rules"]),
        fee_taxes=tuple(FeeTax(**_dated(rule)) for rule in data["fee_tax"]),
        referral_percents=tuple(data["referral_percents"]["values"]),
        returns=_return_states(data["returns"]),
    )


def months_later(day: date, months: int) -> date:
    """The same day of a later month, or that month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _window(rule: dict[str, Any]) -> Window:
    if ("closes_days" in rule) == ("closes_months" in rule):
        raise ValueError(f"a window closes after days or after months: {rule}")
    return Window(**_dated(rule) | {"evidence": tuple(rule["evidence"])})


def _return_states(data: dict[str, Any]) -> ReturnStates:
    return ReturnStates(
        amazons_fault=frozenset(data["amazons_fault"]),
        buyers_fault=frozenset(data["buyers_fault"]),
        rebooked_within_days=data["rebooked_within_days"],
        valid_from=date.fromisoformat(data["valid_from"]),
        source=data["source"],
    )


def _dated(rule: dict[str, Any]) -> dict[str, Any]:
    return {
        **rule,
        "countries": tuple(rule["countries"]),
        "valid_from": date.fromisoformat(rule["valid_from"]),
    }
