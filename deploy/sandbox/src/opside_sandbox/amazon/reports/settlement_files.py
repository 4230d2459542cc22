"""Settlement files written SKU by SKU: rows first, totals in front when all SKUs are through."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from opside_sandbox.amazon.history.periods import Period
from opside_sandbox.amazon.reports.settlement import (
    Row,
    cell_of,
    columns_of,
    dialect_for,
    period_of,
    rows_of_sales,
    subscription_row,
    total_minor,
    totals_row,
)
from opside_sandbox.amazon.view import View


class _Open:
    """One period's rows on disk and their sum."""

    def __init__(self, period: Period, file: TextIO) -> None:
        self.period, self.file, self.total = period, file, 0

    def add(self, view: View, row: Row) -> None:
        named: Row = {**row, "settlement-id": self.period.settlement_id}
        dialect = dialect_for(view)
        cells = (cell_of(dialect, named, name) for name in columns_of(promoted=True))
        self.file.write(dialect.line(cells))
        self.total += total_minor([row])


class SettlementFiles:
    """A context: `add` each SKU's view, then leave it. A debt is not carried over here."""

    def __init__(self, folder: Path, *, enabled: bool) -> None:
        self._folder, self._enabled = folder, enabled
        self._periods: dict[datetime, _Open] = {}
        self._stack = ExitStack()
        self._last: View | None = None

    def __enter__(self) -> Self:
        return self

    def add(self, view: View) -> None:
        """Append the money of one SKU to its periods; the one still open is left out."""
        if not self._enabled:
            return
        self._last = view
        for at, row in rows_of_sales(view):
            period = period_of(view, at)
            if period.end <= view.as_of:
                self._open(period).add(view, row)

    def _open(self, period: Period) -> _Open:
        if period.start not in self._periods:
            path = self._folder / f"settlement-{period.end:%Y-%m-%d}.part"
            file = self._stack.enter_context(path.open("w+", encoding="utf-8", newline=""))
            self._periods[period.start] = _Open(period, file)
        return self._periods[period.start]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._stack:
            if kind is None and self._last is not None:
                for one in self._periods.values():
                    self._finish(self._last, one)

    def _finish(self, view: View, one: _Open) -> None:
        one.add(view, subscription_row(view, one.period))
        part = Path(one.file.name)
        with part.with_suffix(".txt").open("w", encoding="utf-8", newline="") as file:
            file.writelines(_head(view, one))
            one.file.seek(0)
            shutil.copyfileobj(one.file, file)
        part.unlink()


def _head(view: View, one: _Open) -> Iterator[str]:
    dialect, columns = dialect_for(view), columns_of(promoted=True)
    first: Row = {
        **totals_row(view, one.period, one.total),
        "settlement-id": one.period.settlement_id,
    }
    yield dialect.line(columns)
    yield dialect.line(cell_of(dialect, first, name) for name in columns)
