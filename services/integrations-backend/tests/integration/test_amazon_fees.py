"""Fees are what the settlements say, each once, with the sign that Amazon gives them."""

import asyncio
from typing import Any

from factories.report_rows import Row, file_text, row, sale
from service import ADA, BEN, Service

from integrations_backend.reports.ingest import ingest_report
from integrations_backend.reports.kinds import SETTLEMENT
from integrations_backend.reports.received import ReceivedReport


async def settle(service: Service, number: int, *rows: Row, currency: str = "USD") -> None:
    """A settlement with these rows is read; its first row holds its total and currency."""
    total = row(
        SETTLEMENT,
        settlement_id=number, transaction_type="", order_id="", sku="", posted_date="",
        total_amount="10.00", currency=currency,
    )  # fmt: skip
    lines = [{**one, "settlement-id": str(number)} for one in rows]
    content = service.runtime.archive.root / f"settlement-{number}"
    await asyncio.to_thread(content.write_text, file_text(SETTLEMENT, [total, *lines]))
    report = ReceivedReport(
        user_id=ADA,
        sync_id="syn_1",
        report_type=SETTLEMENT,
        marketplace_id="ATVPDKIKX0DER",
        report_id=str(number),
        document_id=f"doc-{number}",
        content=content,
    )
    await ingest_report(service.sessions, service.runtime.archive, report)


async def fees(service: Service, user_id: str = ADA, **query: Any) -> dict[str, Any]:
    async with service.as_user(user_id) as browser:
        answer = await browser.get("/api/amazon/fees", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_before_a_settlement_there_are_no_fees(service: Service) -> None:
    assert (await fees(service))["items"] == []


async def test_each_fee_of_a_sale_is_a_line(service: Service) -> None:
    await settle(service, 7, *sale())
    items = (await fees(service))["items"]
    assert sorted((one["feeType"], one["amountCents"]) for one in items) == [
        ("Commission", -300),
        ("FBAPerUnitFulfillmentFee", -450),
    ]
    assert {
        (one["orderId"], one["sku"], one["currency"], one["settlementId"]) for one in items
    } == {("112-1", "SKU-1", "usd", "7")}


async def test_fees_in_every_column_count_and_prices_do_not(service: Service) -> None:
    cells: list[dict[str, object]] = [
        {"shipment_fee_type": "FBA transportation fee", "shipment_fee_amount": "-1.00"},
        {"order_fee_type": "ShippingHB", "order_fee_amount": "-2.00"},
        {"other_fee_reason_description": "Manual", "other_fee_amount": "-3.00"},
        {"misc_fee_amount": "-4.00"},
        {"transaction_type": "Storage Fee", "other_amount": "-5.00"},
        {"transaction_type": "WAREHOUSE_LOST", "other_amount": "6.00"},
        {"price_type": "Principal", "price_amount": "20.00"},
        {"item_related_fee_type": "Commission", "item_related_fee_amount": "0.00"},
    ]
    await settle(service, 7, *(row(SETTLEMENT, **one) for one in cells))
    items = (await fees(service))["items"]
    assert sorted((one["amountCents"], one["feeType"]) for one in items) == [
        (-500, "Storage Fee"),
        (-400, "Miscellaneous fee"),
        (-300, "Manual"),
        (-200, "ShippingHB"),
        (-100, "FBA transportation fee"),
    ]


async def test_equal_fees_of_one_moment_are_all_listed_once_page_by_page(service: Service) -> None:
    """Two like units of one order: nothing but their place tells their fees apart."""
    await settle(service, 7, *sale(), *sale())
    later = {"posted_date": "2026-09-01T10:00:00+00:00"}
    await settle(service, 8, *sale("112-9", **later), currency="GBP")
    seen: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 1}
    while True:
        page = await fees(service, **query)
        seen += page["items"]
        if not page.get("nextCursor"):
            break
        query["cursor"] = page["nextCursor"]
    assert len(seen) == 6
    assert [one["orderId"] for one in seen] == ["112-9"] * 2 + ["112-1"] * 4
    assert sorted(one["amountCents"] for one in seen) == [-450, -450, -450, -300, -300, -300]
    assert {one["currency"] for one in seen[:2]} == {"gbp"}


async def test_a_settlement_read_twice_has_its_fees_once(service: Service) -> None:
    await settle(service, 7, *sale())
    await settle(service, 7, *sale())
    assert len((await fees(service))["items"]) == 2


async def test_fees_are_ones_own_and_cursors_ours(service: Service) -> None:
    await settle(service, 7, *sale())
    assert (await fees(service, BEN))["items"] == []
    async with service.as_user(ADA) as browser:
        answer = await browser.get("/api/v1/amazon/fees", params={"cursor": "WyJhIiwiYiJd"})
    assert answer.status_code == 400
