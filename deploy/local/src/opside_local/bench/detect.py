"""All rules over everything that was read of a seller, against a bare scan of his ledger file.

Goals: within five times the scan at a million ledger rows, below 1 GiB.
"""

import tempfile
from pathlib import Path

from opside_local.bench import ledger_read_files as files
from opside_local.bench.figures import Figures
from opside_local.bench.ledger_read_files import Seller

UNIT = "ledger rows/s"
ROWS = 1_000_000


async def measure() -> Figures:
    """A million ledger rows, or as many as are asked for."""
    with tempfile.TemporaryDirectory(prefix="opside-bench-") as folder:
        place = Path(folder)
        seller = await files.write_seller(place / "files", files.sizes((ROWS,))[-1])
        return await figures(seller, place / "archive")


async def figures(seller: Seller, archive: Path) -> Figures:
    """Of one seller, all of whose files are read first."""
    ledger_rows = 0
    for file in sorted(seller.folder.glob("GET_*.txt")):
        run = await files.read(seller, archive, file)
        if file == seller.ledger:
            ledger_rows = run.rows
    rounds = [
        (await files.detect(seller, archive, ledger_rows), await files.scan(seller.ledger))
        for _ in range(files.ROUNDS)
    ]
    ours, floor = files.middle(rounds)
    notes = (
        f"{ledger_rows:,} ledger rows, {ours.peak_mib} MiB, processor time"
        f" {ours.processor_seconds:.2f} s, of the scan {floor.processor_seconds:.2f} s"
    )
    return Figures(ours.rate, floor.rate, notes)
