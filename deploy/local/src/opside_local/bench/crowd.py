"""Many sellers sync on one worker: how many calls Amazon refuses for their rate after the first minute.

It is integrations-backend's own test of it, at full size: the stand-in keeps Amazon's usage plans, on a
clock that jumps over the waiting. A run in which a sync does not end well fails.
"""

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

from opside_local.bench.figures import Figures
from opside_local.bench.ledger_read_files import CommandFailed
from opside_local.folders import PROJECT

UNIT = "calls refused"
SELLERS = 200
SELLERS_IN_WHOLE = 20
"""When all benches run: the full size takes some ten minutes."""
NONE = 0.0
PACKAGE = PROJECT / "services" / "integrations-backend"


async def measure() -> Figures:
    """The floor is what Amazon's plans allow: none."""
    return await crowd(SELLERS)


async def measure_in_whole() -> Figures:
    """A smaller crowd."""
    return await crowd(SELLERS_IN_WHOLE)


async def crowd(sellers: int) -> Figures:
    """Of so many sellers, two syncs each."""
    with tempfile.TemporaryDirectory(prefix="opside-bench-") as folder:
        told = Path(folder) / "crowd.json"
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "pytest", "-q", "tests/integration/test_crowd.py"),
            cwd=PACKAGE,
            env=os.environ | {"OPSIDE_CROWD": str(sellers), "OPSIDE_CROWD_TOLD": str(told)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        figures = json.loads(told.read_text()) if told.exists() else {}
    refused = float(figures.get("refusedAfterFirstMinute", NONE))
    if not figures or (process.returncode and not refused):
        raise CommandFailed(out.decode()[-1000:])
    notes = (
        f"{figures['sellers']} sellers, {figures['syncs']} syncs, {figures['calls']:,} calls in"
        f" {figures['amazonSeconds'] / 60:.1f} minutes of Amazon's clock ({figures['seconds']:.0f} s"
        f" here); {figures['refused']} refused in all"
    )
    return Figures(refused, NONE, notes)
