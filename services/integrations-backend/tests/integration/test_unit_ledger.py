"""The unit ledger over the service's door: own rows only, page by page, uneven sums said."""

import asyncio
from typing import Any

from factories.report_rows import Row, file_text, row
from service import ADA, BEN, Service

from integrations_backend.reports.ingest import ingest_report
from integrations_backend.reports.kinds import INVENTORY, LEDGER, LEDGER_SUMMARY
from integrations_backend.reports.received import ReceivedReport


async def read(service: Service, report_type: str, rows: list[Row]) -> None:
    content = service.runtime.archive.root / f"{report_type}.txt"
    await asyncio.to_thread(content.write_text, file_text(report_type, rows))
    report = ReceivedReport(
        user_id=ADA,
        sync_id="syn_1",
        report_type=report_type,
        marketplace_id="ATVPDKIKX0DER",
        report_id=report_type,
        document_id=report_type,
        content=content,
    )
    await ingest_report(service.sessions, service.runtime.archive, report)


async def shown(service: Service, user_id: str = ADA, **query: str) -> dict[str, Any]:
    async with service.as_user(user_id) as browser:
        answer = await browser.get("/api/amazon/unit-ledger", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def received(fnsku: str, units: int) -> Row:
    return row(LEDGER, fnsku=fnsku, event_type="Receipts", reason="", quantity=units)


async def test_units_by_item_and_centre_and_what_does_not_come_out_even(service: Service) -> None:
    assert (await shown(service))["items"] == []
    left = row(LEDGER, event_type="WhseTransfers", reason="", quantity=-2)
    await read(service, LEDGER, [received("X001", 5), left])
    counts = {"afn_unsellable_quantity": 0, "afn_reserved_quantity": 0}
    await read(service, INVENTORY, [row(INVENTORY, afn_fulfillable_quantity=6, **counts)])
    opening = {"starting_warehouse_balance": 3, "ending_warehouse_balance": 3}
    await read(service, LEDGER_SUMMARY, [row(LEDGER_SUMMARY, **opening)])
    (item,) = (await shown(service))["items"]
    assert (item["fnsku"], item["opening"], item["booked"], item["inStock"]) == ("X001", 3, 3, 6)
    assert item["centres"][0]["moved"]["received"] == 5
    assert (item["even"], [one["what"] for one in item["uneven"]]) == (False, ["on_the_way"])


async def test_pages_hold_every_item_once_and_nobody_elses(service: Service) -> None:
    await read(service, LEDGER, [received(f"X{n}", n + 1) for n in range(5)])
    first = await shown(service, limit="3")
    second = await shown(service, limit="3", cursor=first["nextCursor"])
    found = [one["fnsku"] for page in (first, second) for one in page["items"]]
    assert found == [f"X{n}" for n in range(5)]
    assert second.get("nextCursor") is None
    assert (await shown(service, BEN))["items"] == []
