"""A ledger file into the archive (typed, numbered, by month, Parquet), against a bare scan of it.

Goals: a third of the scan's speed at a million rows, below 1 GiB, the same cost a row at every size.
"""

import tempfile
from pathlib import Path

from opside_local.bench import ledger_read_files as files
from opside_local.bench.figures import Figures
from opside_local.bench.ledger_read_files import Run, Seller

UNIT = "rows/s"
SIZES = (10_000, 100_000, 1_000_000)
COMPARED_AT = 1_000_000


async def measure() -> Figures:
    """The largest usual size; every size in the notes."""
    with tempfile.TemporaryDirectory(prefix="opside-bench-") as folder:
        place = Path(folder)
        sizes = files.sizes(SIZES)
        sellers = [await files.write_seller(place / str(rows), rows) for rows in sizes]
        return await figures(sellers, place / "archive")


async def figures(sellers: list[Seller], archive: Path) -> Figures:
    """Of sellers in the order of their size."""
    compared = max((s for s in sellers if s.rows <= COMPARED_AT), key=lambda one: one.rows)
    costs = {}
    for seller in sellers:
        if seller is not compared:
            costs[seller.rows] = await files.read(seller, archive)
    rounds = [
        (await files.read(compared, archive), await files.scan(compared.ledger))
        for _ in range(files.ROUNDS)
    ]
    ours, floor = files.middle(rounds)
    typed = await files.scan(compared.ledger, typed=True)
    costs[compared.rows] = ours
    return Figures(ours.rate, floor.rate, _notes(costs, floor, typed))


def _notes(costs: dict[int, Run], floor: Run, typed: Run) -> str:
    told = [
        f"{rows:,} rows: {run.microseconds_a_row:.2f} us of processor time a row,"
        f" {run.peak_mib} MiB"
        for rows, run in sorted(costs.items())
    ]
    told.append(f"a scan {floor.microseconds_a_row:.2f} us")
    told.append(f"a scan into types {typed.microseconds_a_row:.2f} us, {typed.rate:,.0f} rows/s")
    return "; ".join(told)
