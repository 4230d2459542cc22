"""Finds the benches, runs them, prints the table and writes build/bench.json."""

import asyncio
import importlib
import json
import pkgutil
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol, cast

from rich.console import Console
from rich.table import Table

from opside_local import bench
from opside_local.bench.figures import Figures
from opside_local.folders import PROJECT

NOT_BENCHES = {
    "harness",
    "figures",
    "http_load",
    "servers",
    "payments",
    "charge_floor",
    "charge_requests",
    "intake_floor",
    "ledger_read_files",
    "ledger_read_floor",
    "old_rows",
    "settle_floor",
    "statements",
    "stripe_sandbox",
}
OUTPUT = PROJECT / "build" / "bench.json"


class Bench(Protocol):
    """What a bench module offers."""

    UNIT: str
    measure: Callable[[], Awaitable[Figures]]


class Row(NamedTuple):
    """One line of the table and of the file. `ratio` = value / floor; `notes` stand under the table."""

    name: str
    value: float
    unit: str
    floor: float
    ratio: float
    notes: str = ""


class UnknownBench(Exception):
    """No bench of this name."""


def names() -> list[str]:
    """Every bench there is."""
    found = (module.name for module in pkgutil.iter_modules(bench.__path__))
    return sorted(set(found) - NOT_BENCHES)


def run(only: str | None, console: Console) -> None:
    """Run one bench or all; raises `UnknownBench`. Rows of other benches in the file are kept.

    The file is written after each, so that one that fails costs only its own row.
    """
    if only is not None and only not in names():
        raise UnknownBench(f"ONLY: there is no bench {only}; mend: one of {', '.join(names())}")
    rows = {row.name: row for row in _known() if row.name in names()}
    for name in [only] if only else names():
        started = time.monotonic()
        row = rows[name] = asyncio.run(_measure(name, whole=only is None))
        _keep(list(rows.values()))
        took = time.monotonic() - started
        console.print(
            f"  {name}  {row.value:,.1f} {row.unit}, floor {row.floor:,.1f}, ratio {row.ratio:.3f}"
            f"  [dim]{took:.1f} s[/]",
            highlight=False,
        )
    _print(list(rows.values()), console)


def _keep(rows: list[Row]) -> None:
    OUTPUT.parent.mkdir(exist_ok=True)
    document = [row._asdict() for row in rows]
    OUTPUT.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


async def _measure(name: str, *, whole: bool) -> Row:
    module = cast("Bench", importlib.import_module(f"{bench.__name__}.{name}"))
    measure = getattr(module, "measure_in_whole", module.measure) if whole else module.measure
    value, floor, notes = await measure()
    ratio = _ratio(value, floor)
    return Row(name, round(value, 3), module.UNIT, round(floor, 3), ratio, notes)


def _ratio(value: float, floor: float) -> float:
    """Where the floor is nothing: 1 if the value is nothing, too, else 0."""
    if floor:
        return round(value / floor, 4)
    return 0.0 if value else 1.0


def _known() -> list[Row]:
    try:
        return [Row(**row) for row in json.loads(OUTPUT.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def _print(rows: list[Row], console: Console) -> None:
    table = Table("bench", "unit", title="bench: value beside its floor", title_justify="left")
    for heading in ("value", "floor", "ratio"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row.name, row.unit, f"{row.value:,.1f}", f"{row.floor:,.1f}", f"{row.ratio:.3f}"
        )
    console.print(table)
    for row in rows:
        if row.notes:
            console.print(f"  {row.name}: {row.notes}", highlight=False)
