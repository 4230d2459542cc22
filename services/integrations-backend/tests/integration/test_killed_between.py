"""kill -9 inside the steps of a sync, and at moments that nobody chose: nothing is lost, nothing is twice."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from machine import PATIENCE_SECONDS, Machine, left_behind, machine_in, owed
from service import ADA

from integrations_backend.archive import KEPT_ASIDE

AT_WORK = """
    SELECT 1 FROM integrations.outbox
     WHERE kind = 'advance_sync' AND status = 'leased' AND failures > {failures}
    UNION ALL
    SELECT 1 FROM integrations.sync_jobs WHERE status <> 'running'
"""
KILLS = 8
"""Fewer than end a sync whose workers die again and again."""
LEAST_KILLS = 3
"""A quick machine may be done before all of them."""


@pytest_asyncio.fixture(loop_scope="session")
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    async with machine_in(tmp_path) as made:
        yield made


async def all_is_well(machine: Machine) -> None:
    machine.start()
    await machine.finished()
    machine.kill("finished")
    found = await left_behind(machine)
    assert found["claims"] == owed(machine)
    assert sum(found["claims"].values()) > 0


async def kill_in_a_download(machine: Machine) -> None:
    machine.sandbox.ask("amazon/faults", operation="downloadDocument", kind="slow", seconds=30)
    machine.start()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not machine.sandbox.ask("amazon/faults")["calls"].get("downloadDocument"):
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)
    machine.kill("a document comes in")
    await machine.let_leases_end()


async def kill_in_the_archive(machine: Machine) -> None:
    """When the rows are archived and that is not noted; then as if the last file had not come either."""
    await machine.set_trap("", "archived")
    machine.start()
    await machine.die_where_it_is_held("rows are archived")
    await machine.set_trap("", "")
    await machine.let_leases_end()
    unnoted = await machine.admin.fetch(
        "SELECT id FROM integrations.report_documents WHERE archived_as IS NULL"
    )
    root = machine.service.runtime.archive.root / ADA
    halves = [
        path for one in unnoted for path in root.glob(f"*/{KEPT_ASIDE}/{one['id']:012d}-*.csv")
    ]
    assert halves
    for last in halves:
        last.unlink()


async def kill_in_detection(machine: Machine) -> None:
    async with machine.locked("cost_entries", "ACCESS EXCLUSIVE"):
        machine.start()
        await machine.die_where_it_is_held("detection takes its rows")
    await machine.let_leases_end()
    for delay_seconds in (0.02, 0.1, 0.3):
        async with machine.locked("cost_entries", "ACCESS EXCLUSIVE"):
            machine.start()
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not await machine.held():
                    await asyncio.sleep(0.02)
        await asyncio.sleep(delay_seconds)
        machine.kill("detection computes")
        await machine.let_leases_end()


async def test_a_worker_that_is_killed_inside_its_steps_loses_nothing(machine: Machine) -> None:
    await kill_in_a_download(machine)
    await kill_in_the_archive(machine)
    await kill_in_detection(machine)
    await all_is_well(machine)


async def test_a_worker_that_is_killed_at_any_moment_loses_nothing(machine: Machine) -> None:
    moments = random.Random(5)  # noqa: S311 (the same moments each time)
    kills = 0
    while kills < KILLS and await machine.is_running():
        (row,) = await machine.admin.fetch(
            "SELECT coalesce(max(failures), 0) AS n FROM integrations.outbox"
            " WHERE kind = 'advance_sync' AND status <> 'done'"
        )
        machine.start()
        await machine.until(AT_WORK.format(failures=row["n"]))
        await asyncio.sleep(moments.uniform(0, 0.6))
        machine.kill("at any moment")
        kills += 1
        await machine.let_leases_end()
    assert kills >= LEAST_KILLS
    await all_is_well(machine)
