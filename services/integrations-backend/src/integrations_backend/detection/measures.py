"""How Amazon measured a product in a month, beside the measures that it has today."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Self

from integrations_backend.detection.facts import Facts
from integrations_backend.detection.previews import FeePreview, Size, size_of
from integrations_backend.reports.kinds import STORAGE_FEES

ALIKE_PERCENT = 3
"""Two measurements of one box differ so much."""


class Verdict(StrEnum):
    """Whether a product had its present size on a day, or whether its preview is of a wrong one."""

    STABLE = "stable"
    REMEASURED = "remeasured"
    CHANGED = "measures_changed"
    NOT_MEASURED = "not_measured"
    CONTRADICTED = "preview_contradicted"
    GREW = "measures_grew"
    OPEN = "measures_open"
    NO_FEE = "no_fee_known"


@dataclass(frozen=True, slots=True)
class Against:
    """What speaks against a preview on a day: the product was measured smaller, of that size."""

    verdict: Verdict
    size: Size


@dataclass(frozen=True, slots=True)
class Measures:
    """The measures of each month (`YYYY-MM`) by SKU: the largest, where its centres differ."""

    previews: dict[str, FeePreview]
    months: dict[str, dict[str, tuple[Size, ...]]]
    _told: dict[tuple[str, str], Against | None] = field(default_factory=dict)
    """What `against_preview` found: a month has many charges."""
    _ever_smaller: dict[str, bool] = field(default_factory=dict)
    """Whether a product was: most never were, and nothing speaks against their previews."""

    @classmethod
    def of(cls, facts: Facts, previews: dict[str, FeePreview]) -> Self:
        """From the monthly storage fees; a product may lie in several centres."""
        known = {one.fnsku: one for one in previews.values() if one.size is not None}
        months: dict[str, dict[str, tuple[Size, ...]]] = defaultdict(dict)
        for row in facts.rows[STORAGE_FEES].iter_rows(named=True):
            preview = known.get(row["fnsku"])
            size = size_of(
                [row[f"{side}_side"] for side in ("longest", "median", "shortest")],
                row["weight"],
                units=(row["measurement_units"], row["weight_units"]),
                store=facts.store,
            )
            if preview is None or size is None:
                continue
            month, of_product = row["month_of_charge"], months[preview.sku]
            so_far = of_product.get(month, ())
            of_product[month] = so_far if size in so_far else (*so_far, size)
        return cls(previews, months)

    def verdict(self, sku: str, day: date) -> Verdict:
        """By the month of the day, else the last one before it that was measured: was it larger?"""
        before = [month for month in self._measured(sku) if month <= f"{day:%Y-%m}"]
        if not before:
            return Verdict.NOT_MEASURED
        if self._is_no_larger(sku, before[-1]):
            return Verdict.STABLE
        was_so = any(self._is_no_larger(sku, month) for month in before)
        return Verdict.REMEASURED if was_so else Verdict.CHANGED

    def against_preview(self, sku: str, day: date) -> Against | None:
        """Whether the product was smaller than the preview has it; None where nothing says so.

        Smaller in the month of the day and in the next that was measured contradicts the preview. A
        product that was smaller before and never of today's size before that has grown, or was measured
        wrong since.
        """
        if sku not in self._ever_smaller:
            months = self.months.get(sku, {})
            self._ever_smaller[sku] = any(self._smaller(sku, month) for month in months)
        if not self._ever_smaller[sku]:
            return None
        asked = sku, f"{day:%Y-%m}"
        if asked not in self._told:
            self._told[asked] = self._against(*asked)
        return self._told[asked]

    def confirm_preview(self, sku: str) -> bool:
        """Whether the newest month was measured as the preview has it."""
        measured = self._measured(sku)
        return bool(measured) and self._is_as_today(sku, measured[-1])

    def _against(self, sku: str, until: str) -> Against | None:
        measured = self._measured(sku)
        before = [month for month in measured if month <= until]
        if not before:
            return None
        if size := self._smaller(sku, before[-1]):
            after = measured[len(before) :]
            if not after:
                return Against(Verdict.OPEN, size)
            if self._smaller(sku, after[0]):
                return Against(Verdict.CONTRADICTED, size)
            return Against(Verdict.GREW, size) if self._is_as_today(sku, after[0]) else None
        if not self._is_as_today(sku, before[-1]):
            return None
        as_today = next(i for i, month in enumerate(before) if self._is_as_today(sku, month))
        size = self._smaller(sku, before[as_today - 1]) if as_today else None
        return Against(Verdict.GREW, size) if size else None

    def _measured(self, sku: str) -> list[str]:
        return sorted(self.months.get(sku, {}))

    def _is_as_today(self, sku: str, month: str) -> bool:
        today = self.previews[sku].size
        return today is not None and all(
            one.is_like(today, percent=ALIKE_PERCENT) for one in self.months[sku][month]
        )

    def _is_no_larger(self, sku: str, month: str) -> bool:
        return self._is_as_today(sku, month) or self._smaller(sku, month) is not None

    def _smaller(self, sku: str, month: str) -> Size | None:
        """The size of a month in which every centre had a smaller one than the preview has."""
        today, sizes = self.previews[sku].size, self.months[sku][month]
        if today is None or self._is_as_today(sku, month):
            return None
        largest = Size.around(sizes)
        return largest if today.holds(largest, percent=ALIKE_PERCENT) else None
