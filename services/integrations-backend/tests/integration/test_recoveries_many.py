"""Many reimbursements at once: in bounded batches, each allocated once, by however many runs.

`OPSIDE_REIMBURSEMENTS=10000 pytest -s tests/integration/test_recoveries_many.py` is the full size.
"""

import asyncio
import os
import time
from pathlib import Path

import pytest
from factories.books import Books, paid, taken_back
from factories.report_rows import Row
from service import Service

from opside_chassis.outbox import RetryLater

MANY = int(os.environ.get("OPSIDE_REIMBURSEMENTS", "1200"))
FILED = ("100001", "100002", "100003")


@pytest.fixture
def books(service: Service, tmp_path: Path) -> Books:
    return Books(service, tmp_path)


def reimbursements() -> list[Row]:
    """Most are automatic, every 50th is for a filed case, every 40th is taken back later."""
    rows = []
    for number in range(MANY):
        ours = number % 50 == 0
        case = FILED[number // 50 % len(FILED)] if ours else ""
        rows.append(paid(number, "37.02", 1, case_id=case))
        if number % 40 == 0:
            rows.append(taken_back(number + 10 * MANY, of=number, amount="-1.00", case_id=case))
    return rows


async def matched(books: Books) -> int:
    """Runs of the job until none asks for another; answers how many the last found to do."""
    while True:
        try:
            return await books.match()
        except RetryLater as later:
            await asyncio.sleep(later.after_seconds)


async def test_many_are_allocated_once_by_two_runs_at_a_time(books: Books) -> None:
    for number in FILED:
        await books.file(number, key=number)
    await books.read(*reimbursements())
    begun = time.monotonic()
    counts = await asyncio.gather(matched(books), matched(books))
    took = time.monotonic() - begun
    print(f"\n{MANY} reimbursements, two runs at a time: {took:.2f} s")  # noqa: T201
    (stored,) = await books.service.rows(
        "SELECT count(*) AS n, count(*) FILTER (WHERE billable) AS ours,"
        " count(*) FILTER (WHERE original_recovery_id IS NOT NULL) AS back FROM case_recoveries"
    )
    ours, back = len(range(0, MANY, 50)), len(range(0, MANY, 40))
    assert stored == {"n": MANY + back, "ours": ours, "back": back}
    assert 0 < max(counts) <= MANY + back
    events = await books.events()
    assert len({one.event_id for one in events}) == len(events)
    told = [one.type for one in events]
    assert told.count("recovery.confirmed") == ours
    assert told.count("recovery.reversed") == len(range(0, MANY, 200))
    assert await books.match() == 0
