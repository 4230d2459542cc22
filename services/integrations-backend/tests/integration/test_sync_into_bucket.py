"""A whole sync whose archive is a bucket: found, kept, shown, handed out and forgotten as in a folder."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from bucket import Bucket, bucket
from factories.report_rows import file_text, row, sale
from fakes.amazon_fake import FakeAmazon
from service import ADA, Service

from integrations_backend.archive import Archive
from integrations_backend.reports.kinds import INVENTORY, LEDGER, REIMBURSEMENTS, SETTLEMENT
from integrations_backend.user_data.keeper import IntegrationsKeeper

STOCK = {
    "sku": "SKU-1",
    "fnsku": "X001",
    "asin": "B001",
    "afn-fulfillable-quantity": "7",
    "afn-total-quantity": "7",
}
FILES = {
    LEDGER: [row(LEDGER), row(LEDGER, date="?")],
    REIMBURSEMENTS: [row(REIMBURSEMENTS, fnsku="X999")],
    SETTLEMENT: sale("112-1"),
    INVENTORY: [STOCK],
}


@pytest.fixture(scope="module")
def storage() -> Iterator[Bucket]:
    with bucket() as found:
        yield found


@pytest.fixture
def in_bucket(service: Service, storage: Bucket) -> Service:
    archive = Archive.open(storage.url, storage.settings)
    there = replace(service, runtime=replace(service.runtime, archive=archive))
    there.app.state.runtime = there.runtime
    return there


async def test_a_sync_into_a_bucket(
    in_bucket: Service, amazon: FakeAmazon, storage: Bucket
) -> None:
    service = in_bucket
    amazon.documents = {kind: file_text(kind, rows).encode() for kind, rows in FILES.items()}
    await service.connect(ADA)
    await service.work()
    (sync,) = await service.rows("SELECT status FROM sync_jobs")
    assert sync["status"] == "done"
    mine = [key for key in storage.stored() if f"/{ADA}/" in key]
    assert {key.split("/")[2] for key in mine} == set(FILES)
    async with service.as_user(ADA) as browser:
        for page in ("claims", "inventory", "fees", "unit-ledger"):
            found = await browser.get(f"/api/amazon/{page}")
            assert found.json()["items"], page
        uploaded = await browser.post(
            "/api/reports/upload",
            files=[("files", ("l.txt", file_text(LEDGER, [row(LEDGER, fnsku="X002")]).encode()))],
        )
        assert uploaded.status_code == 201
        await service.work()
        claims = (await browser.get("/api/amazon/claims")).json()["items"]
    assert {one["fnsku"] for one in claims} == {"X001", "X002"}
    keeper = IntegrationsKeeper(service.runtime)
    shown = await keeper.files(ADA)
    assert {one.key.split("/")[2] for one in shown} == {"received", "kept-aside"}
    received = next(one.key for one in shown if f"{LEDGER}/received" in one.key)
    content = b"".join([part async for part in await keeper.open_file(ADA, received)])
    assert content[:2] == b"\x1f\x8b"
    service.runtime.archive.forget(ADA)
    assert not [key for key in storage.stored() if f"/{ADA}/" in key]
