"""Amazon's windows and valuation, as dated data with a source (rulings R16); code holds none of it."""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Window:
    """When losses of one type may be claimed, counted in days from the event, both ends inclusive."""

    claim_type: str
    countries: tuple[str, ...]
    opens_days: int
    closes_days: int
    valid_from: date
    value: str
    source: str

    def opens(self, event: date) -> date:
        """The first day on which a claim may be filed."""
        return event + timedelta(days=self.opens_days)

    def deadline(self, event: date) -> date:
        """The last day; it counts from the event and never moves."""
        return event + timedelta(days=self.closes_days)


@dataclass(frozen=True, slots=True)
class Policy:
    """All windows of one version."""

    version: str
    windows: tuple[Window, ...]

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


@cache
def current_policy() -> Policy:
    """The policy that this version of Opside carries."""
    data = json.loads(files(__package__).joinpath("windows.json").read_text())
    windows = tuple(
        Window(
            **{
                **rule,
                "countries": tuple(rule["countries"]),
                "valid_from": date.fromisoformat(rule["valid_from"]),
            }
        )
        for rule in data["rules"]
    )
    return Policy(data["version"], windows)
