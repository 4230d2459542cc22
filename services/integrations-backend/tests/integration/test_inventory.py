"""Stock is what the newest snapshot says, and nothing that only older ones had."""

import asyncio
from typing import Any

from factories.report_rows import file_text, row
from service import ADA, BEN, Service

from integrations_backend.reports.ingest import ingest_report
from integrations_backend.reports.kinds import INVENTORY
from integrations_backend.reports.received import ReceivedReport


async def snapshot(service: Service, number: int, **units: int) -> None:
    """A report of these SKUs and their units is read."""
    rows = [
        row(INVENTORY, sku=sku, fnsku=f"X{sku}", afn_total_quantity=count)
        for sku, count in units.items()
    ]
    content = service.runtime.archive.root / f"snapshot-{number}"
    await asyncio.to_thread(content.write_text, file_text(INVENTORY, rows))
    report = ReceivedReport(
        user_id=ADA,
        sync_id="syn_1",
        report_type=INVENTORY,
        marketplace_id="ATVPDKIKX0DER",
        report_id=str(number),
        document_id=f"doc-{number}",
        content=content,
    )
    await ingest_report(service.sessions, service.runtime.archive, report)


async def stock(service: Service, user_id: str = ADA, **query: str) -> dict[str, Any]:
    async with service.as_user(user_id) as browser:
        answer = await browser.get("/api/amazon/inventory", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def shown(service: Service, user_id: str = ADA) -> dict[str, int]:
    return {one["sku"]: one["total"] for one in (await stock(service, user_id))["items"]}


async def test_a_sku_that_left_the_newest_snapshot_is_not_shown(service: Service) -> None:
    assert await shown(service) == {}
    await snapshot(service, 1, A=3, B=5)
    assert await shown(service) == {"A": 3, "B": 5}
    await snapshot(service, 2, B=4, C=1)
    assert await shown(service) == {"B": 4, "C": 1}
    await snapshot(service, 3)
    assert await shown(service) == {}, "a report without rows is a snapshot too"
    assert await shown(service, BEN) == {}


async def test_a_sku_without_units_is_still_one(service: Service) -> None:
    await snapshot(service, 1, A=0)
    assert await shown(service) == {"A": 0}


async def test_pages_hold_every_sku_once(service: Service) -> None:
    await snapshot(service, 1, **{f"S{n}": n for n in range(7)})
    first = await stock(service, limit="3")
    second = await stock(service, limit="3", cursor=first["nextCursor"])
    third = await stock(service, limit="3", cursor=second["nextCursor"])
    skus = [one["sku"] for page in (first, second, third) for one in page["items"]]
    assert skus == [f"S{n}" for n in range(7)]
    assert third.get("nextCursor") is None
