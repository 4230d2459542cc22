"""Hostile files through both doors, a sync and an upload: a reason each, and the others are read."""

import httpx
from factories.hostile import GOOD, HOSTILE
from factories.report_rows import file_text, row
from fakes.amazon_fake import FakeAmazon
from service import ADA, Service

from integrations_backend.reports.kinds import LEDGER, REIMBURSEMENTS
from integrations_backend.sync.start import start_sync
from opside_chassis.testing.plugin import FrozenClock

PAID = file_text(REIMBURSEMENTS, [row(REIMBURSEMENTS)]).encode()
HOURS = 5 * 3_600
"""After so long Amazon writes a report anew: what a sync says is of its own document."""


async def synced(service: Service) -> tuple[str, dict[str, tuple[str, int, int, str]]]:
    sync_id = await start_sync(
        service.sessions, user_id=ADA, reason="test", clock=service.runtime.clock
    )
    await service.work()
    (sync,) = await service.rows("SELECT status FROM sync_jobs WHERE id = :id", id=sync_id)
    found = await service.rows("SELECT * FROM sync_reports WHERE sync_id = :id", id=sync_id)
    return sync["status"], {
        one["report_type"]: (one["state"], one["rows"], one["rejected"], one["note"])
        for one in found
    }


async def test_a_hostile_document_says_what_is_wrong_and_harms_nothing_else(
    service: Service, amazon: FakeAmazon, clock: FrozenClock
) -> None:
    amazon.documents = {REIMBURSEMENTS: PAID}
    await service.connect(ADA)
    await service.work()
    for name, hostile in HOSTILE.items():
        amazon.documents[LEDGER] = hostile.data
        clock.advance(seconds=HOURS)
        status, reports = await synced(service)
        state, rows, aside, note = reports[LEDGER]
        assert (status, reports[REIMBURSEMENTS][:2]) == ("done", ("read", 1)), name
        if hostile.rows is None:
            assert (state, rows, aside) == ("failed", 0, 0), name
            assert 10 < len(note) < 300, name
        else:
            assert (state, rows, aside) == ("read", hostile.rows, hostile.aside), name
    amazon.documents[LEDGER] = GOOD.encode()
    clock.advance(seconds=HOURS)
    assert (await synced(service))[1][LEDGER] == ("read", 2, 0, "")
    assert amazon.calls.count("download") == 2 * len(HOSTILE) + 3, "none was tried again in vain"


async def test_a_hostile_upload_says_what_is_wrong_and_harms_nothing_else(
    service: Service,
) -> None:
    async with service.as_user(ADA) as browser:
        for name, hostile in HOSTILE.items():
            answer = await browser.post(
                "/api/reports/upload",
                files=[("files", ("bad.txt", hostile.data)), ("files", ("good.txt", PAID))],
            )
            assert answer.status_code == 201, name
            check(name, answer)


def check(name: str, answer: httpx.Response) -> None:
    read = {one["name"]: one for one in answer.json()["files"]}
    refused = {one["name"]: one["reason"] for one in answer.json()["refused"]}
    assert read["good.txt"]["rows"] == 1, name
    expected = HOSTILE[name]
    if expected.rows is None:
        assert 10 < len(refused["bad.txt"]) < 300, name
        return
    bad = read["bad.txt"]
    assert (bad["rows"], bad["rejected"]) == (expected.rows, expected.aside), name
    assert all(len(one["reason"]) < 200 for one in bad["firstRejected"]), name
