"""How Amazon measured a product in a month, beside the measures that it has today."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Self

from integrations_backend.detection.facts import Facts
from integrations_backend.detection.previews import FeePreview, Size, size_of
from integrations_backend.reports.kinds import STORAGE_FEES

ALIKE_PERCENT = 3
"""Two measurements of one box differ so much."""


class Verdict(StrEnum):
    """Whether a product had its present size on a day."""

    STABLE = "stable"
    REMEASURED = "remeasured"
    CHANGED = "measures_changed"
    NOT_MEASURED = "not_measured"


@dataclass(frozen=True, slots=True)
class Measures:
    """Whether the measures of each month (`YYYY-MM`) are today's, by SKU."""

    as_today: dict[str, dict[str, bool]]

    @classmethod
    def of(cls, facts: Facts, previews: dict[str, FeePreview]) -> Self:
        """From the monthly storage fees; a product may lie in several centres."""
        known = {one.fnsku: one for one in previews.values() if one.size is not None}
        as_today: dict[str, dict[str, bool]] = defaultdict(dict)
        for row in facts.rows[STORAGE_FEES].iter_rows(named=True):
            preview = known.get(row["fnsku"])
            size = size_of(
                [row[f"{side}_side"] for side in ("longest", "median", "shortest")],
                row["weight"],
                units=(row["measurement_units"], row["weight_units"]),
                store=facts.store,
            )
            if preview is None or preview.size is None or size is None:
                continue
            month, months = row["month_of_charge"], as_today[preview.sku]
            months[month] = months.get(month, True) and _is_alike(size, preview.size)
        return cls(as_today)

    def verdict(self, sku: str, day: date) -> Verdict:
        """By the month of the day, else the last one before it that was measured."""
        month = f"{day:%Y-%m}"
        before = sorted(one for one in self.as_today.get(sku, {}) if one <= month)
        if not before:
            return Verdict.NOT_MEASURED
        months = self.as_today[sku]
        if months[before[-1]]:
            return Verdict.STABLE
        was_so = any(months[one] for one in before)
        return Verdict.REMEASURED if was_so else Verdict.CHANGED


def _is_alike(one: Size, other: Size) -> bool:
    return one.is_like(other, percent=ALIKE_PERCENT)
