"""The benches of ledgers at a small size: their figures are there, and cost a row stays bounded."""

import re
from pathlib import Path

from opside_local.bench import detect, ledger_read
from opside_local.bench import ledger_read_files as files

MOST_MIB = 1024


async def test_a_small_ledger_is_read_and_looked_at_beside_a_bare_scan(tmp_path: Path) -> None:
    small = await files.write_seller(tmp_path / "small", 1_000)
    larger = await files.write_seller(tmp_path / "larger", 20_000)
    read = await ledger_read.figures([small, larger], tmp_path / "archive")
    assert 0 < read.value < read.floor * 2
    assert re.match(
        r"1,000 rows: [\d.]+ us of processor time a row, \d+ MiB; 20,000 rows: ", read.notes
    )
    found = await detect.figures(larger, tmp_path / "archive of detect")
    assert 0 < found.value < found.floor * 2
    peaks = [int(peak) for peak in re.findall(r"(\d+) MiB", f"{read.notes} {found.notes}")]
    assert max(peaks) < MOST_MIB


async def test_a_ledger_beyond_the_writers_size_has_other_items_and_as_many_rows(
    tmp_path: Path,
) -> None:
    ledger = tmp_path / "ledger"
    ledger.write_bytes(b"Date\tFNSKU\n1\tX001\n2\tX002\n")
    files._grow(ledger, 3)
    lines = ledger.read_text().splitlines()
    assert lines[0] == "Date\tFNSKU"
    assert len(set(lines[1:])) == len(lines) - 1 == 6
