"""Ledgers of any size, the service's own commands over them, and a bare scan beside: for two benches."""

import asyncio
import gzip
import json
import os
import shutil
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

LEDGER = "GET_LEDGER_DETAIL_VIEW_DATA.txt"
SELLER = "usr_bench"
WRITTEN_ROWS = 1_000_000
"""Larger ledgers are copies of this many rows with other FNSKUs: the writer takes a minute for it."""
ROWS_OPTION = "LEDGER_ROWS"
"""LEDGER_ROWS=10000000 make bench ONLY=ledger_read: a size beyond the usual ones."""
ROUNDS = 5
_orders = count(1)
"""Each reading is of a document of its own, as a sync's are: none takes another's place."""


class CommandFailed(Exception):
    """A command ended badly; the text is what it said."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a command tells of itself."""

    rows: int
    seconds: float
    processor_seconds: float
    peak_mib: int

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds

    @property
    def microseconds_a_row(self) -> float:
        """Processor time for a row: what a busy machine does not change."""
        return self.processor_seconds / self.rows * 1e6


@dataclass(frozen=True, slots=True)
class Seller:
    """Report files of one seller, about so many rows in his ledger."""

    folder: Path
    rows: int

    @property
    def ledger(self) -> Path:
        """His ledger."""
        return self.folder / LEDGER

    @property
    def account(self) -> dict[str, Any]:
        """His marketplace, and the day of the audit."""
        told: dict[str, Any] = json.loads((self.folder / "account.json").read_text())
        return told


async def write_seller(folder: Path, rows: int) -> Seller:
    """Report files of a seller of that size."""
    written = min(rows, WRITTEN_ROWS)
    await _command("opside_sandbox.amazon.bulk", str(folder), "--rows", str(written))
    seller = Seller(folder, rows)
    await asyncio.to_thread(_grow, seller.ledger, rows // written)
    return seller


def _grow(ledger: Path, times: int) -> None:
    head, _, rows = ledger.read_bytes().partition(b"\n")
    with ledger.open("wb") as target:
        target.write(head + b"\n")
        for number in range(times):
            target.write(rows.replace(b"\tX00", b"\tX%02d" % number))


async def read(seller: Seller, archive: Path, file: Path | None = None) -> Run:
    """The service reads the ledger (or another file), which came as gzip, into an archive."""
    content = file or seller.ledger
    received = await asyncio.to_thread(_packed, content)
    told = await _told(
        "integrations_backend.reports",
        *(str(content), "--archive", str(archive), "--seller", SELLER),
        *("--marketplace", seller.account["marketplaceId"], "--received", str(received)),
        *("--order", str(next(_orders))),
    )
    return _run(told, told["rows"])


def _packed(content: Path) -> Path:
    """As Amazon sends it; a sync unpacks it while it arrives and keeps both."""
    target = content.with_suffix(".gz")
    if not target.exists():
        with content.open("rb") as source, gzip.open(target, "wb", compresslevel=1) as packed:
            shutil.copyfileobj(source, packed)
    return target


async def detect(seller: Seller, archive: Path, rows: int) -> Run:
    """The service detects over everything in the archive."""
    told = await _told(
        "integrations_backend.detection.over_archive",
        *("--archive", str(archive), "--seller", SELLER),
        *("--marketplace", seller.account["marketplaceId"], "--as-of", seller.account["asOf"]),
    )
    return _run(told, rows)


async def scan(file: Path, *, typed: bool = False) -> Run:
    """Polars alone reads the same file, as text or into the types that it finds."""
    options = ["--typed"] if typed else []
    told = await _told("opside_local.bench.ledger_read_floor", str(file), *options)
    return _run(told, told["rows"])


def middle(runs: list[tuple[Run, Run]]) -> tuple[Run, Run]:
    """The round with the median ratio: both of its runs stood right behind each other."""
    ratio = median(ours.seconds / floor.seconds for ours, floor in runs)
    return min(runs, key=lambda run: abs(run[0].seconds / run[1].seconds - ratio))


def sizes(usual: tuple[int, ...]) -> tuple[int, ...]:
    """The usual sizes and the one that is asked for."""
    asked = os.environ.get(ROWS_OPTION)
    return (*usual, int(asked)) if asked else usual


def _run(told: dict[str, Any], rows: int) -> Run:
    return Run(rows, told["seconds"], told["processorSeconds"], told["peakMiB"])


async def _told(module: str, *arguments: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(await _command(module, *arguments))
    return told


async def _command(module: str, *arguments: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", module, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    if process.returncode:
        raise CommandFailed(f"{module}: {err.decode()[-500:]}")
    return out
