"""Invoices in their seller's hands: listed, looked at, confirmed, corrected, rejected, and booked."""

import base64
from pathlib import Path
from typing import Any

import pytest
from factories.claims import CLAIM, record
from factories.papers import came, invoice_lines, pdf
from service import ADA, BEN, Service
from sqlalchemy.exc import ProgrammingError

from integrations_backend.invoices.book import book_costs
from opside_contracts import scopes

LOST = CLAIM.sku
UNSURE = invoice_lines([(LOST, "10", "2.50", "25.00")], total="Total USD 26.00")
SURE = invoice_lines([(LOST, "10", "2.50", "25.00")])


async def get(service: Service, path: str, user_id: str = ADA) -> Any:
    async with service.as_user(user_id) as seller:
        answer = await seller.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def act(service: Service, path: str, body: object = None, *, method: str = "POST") -> Any:
    async with service.as_user(ADA) as seller:
        answer = await seller.request(method, path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def only(service: Service) -> dict[str, Any]:
    (found,) = (await get(service, "/api/invoices"))["items"]
    return dict(found)


CORRECT = {
    "supplier": "Northbeam Trading Ltd",
    "number": "NB-2026-7",
    "dated": "2026-03-04",
    "currency": "usd",
    "totalMinor": 2500,
    "lines": [{"sku": LOST, "quantity": 10, "unitCostMinor": 250}],
}


async def test_an_unsure_invoice_is_proposed_with_places_and_booked_when_confirmed(
    service: Service, tmp_path: Path
) -> None:
    await record(service, CLAIM)
    await came(service, tmp_path, pdf(UNSURE))
    found = await only(service)
    assert found["status"] == "proposed"
    assert "add up" in found["reason"]
    one = await get(service, f"/api/v1/invoices/{found['invoiceId']}")
    assert one["costs"] == []
    assert one["reading"]["number"]["place"]["page"] == 1
    assert len(one["reading"]["number"]["place"]["box"]) == 4
    assert one["reading"]["goods"][0]["confidenceBp"] < 9_000
    confirmed = await act(service, f"/api/invoices/{found['invoiceId']}/confirm")
    assert confirmed["status"] == "confirmed"
    assert [(cost["sku"], cost["unitCostMinor"]) for cost in confirmed["costs"]] == [(LOST, 250)]
    assert [(one["action"], one["before"]["status"]) for one in confirmed["history"]] == [
        ("confirm", "proposed")
    ]


async def linked(service: Service) -> list[dict[str, Any]]:
    return await service.rows("SELECT mcde_doc_id, unit_cost_minor FROM refund_engine_cases")


async def test_a_sure_invoice_values_the_case_and_a_rejection_takes_the_value_back(
    service: Service, tmp_path: Path
) -> None:
    await record(service, CLAIM)
    await came(service, tmp_path, pdf(SURE))
    found = await only(service)
    assert found["status"] == "accepted"
    await act(service, f"/api/invoices/{found['invoiceId']}", CORRECT, method="PUT")
    (case,) = await linked(service)
    assert case["unit_cost_minor"] == 250
    (entry,) = await service.rows("SELECT * FROM cost_entries")
    assert (entry["id"], entry["invoice_id"]) == (case["mcde_doc_id"], found["invoiceId"])
    assert entry["source_document"] == "invoice NB-2026-7 of Northbeam Trading Ltd"
    rejected = await act(
        service, f"/api/invoices/{found['invoiceId']}/reject", {"reason": "never ordered"}
    )
    assert (rejected["status"], rejected["reason"]) == ("rejected", "never ordered")
    assert await service.rows("SELECT 1 FROM cost_entries") == []
    assert await linked(service) == [{"mcde_doc_id": None, "unit_cost_minor": None}]
    assert [one["action"] for one in rejected["history"]] == ["correct", "reject"]


async def test_a_correction_keeps_what_was_read_and_what_stood_before(
    service: Service, tmp_path: Path
) -> None:
    await record(service, CLAIM)
    await came(service, tmp_path, pdf(UNSURE))
    path = f"/api/invoices/{(await only(service))['invoiceId']}"
    for cost in (260, 270):
        lines = [{"sku": LOST, "unitCostMinor": cost}]
        changed = await act(service, path, CORRECT | {"lines": lines}, method="PUT")
    assert [one["before"]["lines"][0]["unitCostMinor"] for one in changed["history"]] == [250, 260]
    assert changed["reading"]["goods"][0]["unitCostMinor"] == 250
    assert [(cost["sku"], cost["unitCostMinor"]) for cost in changed["costs"]] == [(LOST, 270)]
    assert changed["version"] == 3
    with pytest.raises(ProgrammingError, match="permission denied"):
        await service.execute("DELETE FROM invoice_changes")


async def test_what_a_person_entered_stays(service: Service, tmp_path: Path) -> None:
    await record(service, CLAIM)
    await came(service, tmp_path, pdf(SURE))
    path = f"/api/invoices/{(await only(service))['invoiceId']}"
    entered = {"sku": LOST, "unitCostCents": 999, "currency": "usd", "sourceDocument": "my own"}
    costs = [entered | {"effectiveDate": "2026-03-04"}]
    async with service.as_user(ADA) as seller:
        assert (await seller.put("/api/costs", json=costs)).status_code == 200
    await act(service, path, CORRECT, method="PUT")
    (entry,) = await service.rows("SELECT unit_cost_minor, invoice_id FROM cost_entries")
    assert entry == {"unit_cost_minor": 999, "invoice_id": None}


async def test_a_price_far_off_the_one_before_is_not_believed_unseen(
    service: Service, tmp_path: Path
) -> None:
    """Anybody can send a mail with somebody else's name in it."""
    await record(service, CLAIM)
    await came(service, tmp_path, pdf(SURE))
    first = await only(service)
    await act(service, f"/api/invoices/{first['invoiceId']}/confirm")
    false = invoice_lines(
        [(LOST, "10", "5.10", "51.00")],
        number="Invoice number: NB-2026-8",
        dated="Invoice date: 2026-04-01",
        total="Total USD 51.00",
    )
    await came(service, tmp_path, pdf(false), part="2")
    await book_costs(service.sessions, service.runtime.archive, user_id=ADA)
    found = (await get(service, "/api/invoices"))["items"][0]
    assert found["number"] == "NB-2026-8"
    assert found["status"] == "proposed"
    assert "more than twice" in found["reason"]
    assert {case["unit_cost_minor"] for case in await linked(service)} == {250}
    await act(service, f"/api/invoices/{found['invoiceId']}/confirm")
    assert {case["unit_cost_minor"] for case in await linked(service)} == {510}


async def rivals(service: Service, tmp_path: Path) -> tuple[str, str]:
    """Two sure invoices of one day that tell other costs of one SKU."""
    for number, cost, amount in (("NB-2026-7", "2.50", "25.00"), ("NB-2026-8", "2.80", "28.00")):
        lines = invoice_lines(
            [(LOST, "10", cost, amount)],
            number=f"Invoice number: {number}",
            total=f"Total USD {amount}",
        )
        await came(service, tmp_path, pdf(lines), part=number, number=number)
    await book_costs(service.sessions, service.runtime.archive, user_id=ADA)
    newer, older = (await get(service, "/api/invoices"))["items"]
    return older["invoiceId"], newer["invoiceId"]


async def test_two_invoices_of_one_day_are_asked_about_and_never_both_booked(
    service: Service, tmp_path: Path
) -> None:
    await record(service, CLAIM)
    older, newer = await rivals(service, tmp_path)
    for mine, other in ((older, "NB-2026-8"), (newer, "NB-2026-7")):
        one = await get(service, f"/api/invoices/{mine}")
        assert one["status"] == "proposed"
        assert f"invoice {other} of" in one["reason"]
        assert one["costs"] == []
    assert await linked(service) == [{"mcde_doc_id": None, "unit_cost_minor": None}]
    await act(service, f"/api/invoices/{newer}/confirm")
    assert [case["unit_cost_minor"] for case in await linked(service)] == [280]
    await act(service, f"/api/invoices/{older}/confirm")
    (case,) = await linked(service)
    assert case["unit_cost_minor"] == 250, "of two that the seller confirmed the lower"
    (entry,) = await service.rows("SELECT * FROM cost_entries")
    assert entry["invoice_id"] == older
    assert "invoice NB-2026-8 of" in entry["source_document"]
    assert "of the same day, tells a higher cost" in entry["source_document"]
    await act(service, f"/api/invoices/{older}/reject", {})
    assert [case["unit_cost_minor"] for case in await linked(service)] == [280]


async def test_goods_that_nobody_sells_are_not_booked(service: Service, tmp_path: Path) -> None:
    await came(service, tmp_path, pdf(invoice_lines()))
    found = await only(service)
    assert found["status"] == "accepted"
    one = await act(service, f"/api/invoices/{found['invoiceId']}/confirm")
    assert one["costs"] == []


async def test_one_product_at_two_prices_has_no_unit_cost(service: Service, tmp_path: Path) -> None:
    await record(service, CLAIM)
    await came(service, tmp_path, pdf(SURE))
    path = f"/api/invoices/{(await only(service))['invoiceId']}"
    lines = [{"sku": LOST, "unitCostMinor": cost} for cost in (250, 300)]
    one = await act(service, path, CORRECT | {"lines": lines}, method="PUT")
    assert one["costs"] == []


async def test_the_original_is_handed_over_and_never_shown(
    service: Service, tmp_path: Path
) -> None:
    content = pdf(UNSURE)
    await came(service, tmp_path, content)
    invoice_id = (await only(service))["invoiceId"]
    async with service.as_user(ADA) as seller:
        answer = await seller.get(f"/api/invoices/{invoice_id}/document")
    assert answer.content == content
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("after", "action"), [("reject", "confirm"), ("reject", "reject"), ("confirm", "confirm")]
)
async def test_a_move_that_does_not_fit_is_refused(
    service: Service, tmp_path: Path, after: str, action: str
) -> None:
    await came(service, tmp_path, pdf(UNSURE))
    path = f"/api/invoices/{(await only(service))['invoiceId']}"
    await act(service, f"{path}/{after}", {} if after == "reject" else None)
    async with service.as_user(ADA) as seller:
        answer = await seller.post(f"{path}/{action}", json={} if action == "reject" else None)
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


async def test_what_misses_a_field_is_not_confirmed_but_corrected(
    service: Service, tmp_path: Path
) -> None:
    await came(service, tmp_path, pdf(invoice_lines(dated="")))
    path = f"/api/invoices/{(await only(service))['invoiceId']}"
    async with service.as_user(ADA) as seller:
        answer = await seller.post(f"{path}/confirm")
        assert (answer.status_code, answer.json()["code"]) == (422, "incomplete_invoice")
        for wrong in ({"lines": []}, {"currency": "dollars"}, {"number": ""}, {"extra": 1}):
            answer = await seller.put(path, json=CORRECT | wrong)
            assert answer.status_code in {400, 422}, wrong
    assert (await act(service, path, CORRECT, method="PUT"))["status"] == "confirmed"


async def test_invoices_are_listed_in_pages_by_status(service: Service, tmp_path: Path) -> None:
    for number in range(3):
        lines = invoice_lines(number=f"Invoice number: N-{number}", total="Total USD 99.00")
        await came(service, tmp_path, pdf(lines), part=str(number))
    page = await get(service, "/api/invoices?limit=2&status=proposed")
    rest = await get(service, f"/api/invoices?limit=2&cursor={page['nextCursor']}")
    assert [one["number"] for one in (*page["items"], *rest["items"])] == ["N-2", "N-1", "N-0"]
    assert (await get(service, "/api/invoices?status=accepted"))["items"] == []
    assert (await get(service, "/api/invoices", BEN))["items"] == []


async def parse(service: Service, paper: bytes, **changes: object) -> Any:
    token = service.service_token(scopes.PARSE_DOCUMENT)
    body = {"fileName": "x.pdf", "content": base64.b64encode(paper).decode()} | changes
    async with service.client(token) as neighbour:
        return await neighbour.post("/internal/documents/parse", json=body)


async def test_another_service_may_have_a_paper_read(service: Service) -> None:
    answer = await parse(service, pdf(SURE), sender="billing@northbeam.example")
    assert answer.status_code == 200, answer.text
    reading = answer.json()["reading"]
    assert (reading["kind"], reading["number"]["value"]) == ("invoice", "NB-2026-7")
    assert reading["goods"][0]["unitCostMinor"] == 250
    scan = (await parse(service, b"\x89PNG0000")).json()
    assert (scan["reading"], scan["media"]) == (None, "image/*")
    assert "picture" in scan["needsTyping"]
    assert (await parse(service, b"", content="no base64!")).status_code == 400
    assert await service.rows("SELECT 1 FROM papers") == []


async def test_a_correction_of_anothers_invoice_finds_nothing(
    service: Service, tmp_path: Path
) -> None:
    await came(service, tmp_path, pdf(UNSURE))
    path = f"/api/invoices/{(await only(service))['invoiceId']}"
    admin = service.client(service.gateway_token("usr_olga", role="admin"))
    async with service.as_user(BEN) as stranger, admin:
        for other in (stranger, admin):
            for form in (path, path.replace("/api/", "/api/v1/")):
                answer = await other.put(form, json=CORRECT)
                assert answer.status_code == 404, form
    assert (await only(service))["status"] == "proposed"
