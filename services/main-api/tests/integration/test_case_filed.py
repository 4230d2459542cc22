"""A person names a case and Amazon's number: the filing is there from that moment, not once Amazon pays."""

import asyncio
from typing import Any

import pytest
from fakes.integrations_fake import seller_case
from fakes.payments_fake import problem
from seller import Seller
from starlette.responses import Response

NUMBER = "900900"


@pytest.fixture
def case(seller: Seller) -> str:
    """An open case of the seller's."""
    seller.integrations.cases[seller.user_id] = [seller_case()]
    return "cas_1"


async def told(seller: Seller, number: str = NUMBER, *, status: int = 200, of: str = "1") -> Any:
    path = f"/api/cases/cas_{of}/filed"
    return await seller.posted(path, {"amazonCaseId": number}, status=status)


async def filings(seller: Seller) -> list[tuple[str, str, str | None]]:
    page = await seller.got("/api/filings")
    return [(one["caseId"], one["state"], one["amazonCaseId"]) for one in page["items"]]


async def test_an_undrafted_case_is_drafted_and_filed_at_once(seller: Seller, case: str) -> None:
    answer = await told(seller)
    assert (answer["caseId"], answer["status"], answer["amazonCaseId"]) == (case, "filed", NUMBER)
    assert (answer["audit"], answer["mcdeDocId"]) == ([], None)
    assert await filings(seller) == [(case, "filed", NUMBER)]
    await seller.work()
    [filing] = (await seller.got("/api/filings"))["items"]
    assert filing["toldAt"] is not None
    assert filing["toldProblem"] is None


async def test_a_draft_keeps_its_id_and_its_packet(seller: Seller, case: str) -> None:
    evidence_id = await seller.uploaded(kind="invoice")
    await seller.posted(f"/api/evidence/{evidence_id}/matches", {"caseId": case}, status=201)
    draft = await seller.posted("/api/filings", {"caseId": case}, status=201)
    await told(seller)
    filing = await seller.got(f"/api/filings/{draft['filingId']}")
    assert filing["state"] == "filed"
    assert [one["evidenceId"] for one in filing["evidence"]] == [evidence_id]


async def test_telling_again_changes_nothing(seller: Seller, case: str) -> None:
    first = await told(seller)
    await seller.work()
    [before] = (await seller.got("/api/filings"))["items"]
    assert await told(seller) == first
    await seller.work()
    assert (await seller.got("/api/filings"))["items"] == [before]


async def test_racing_tellers_leave_one_filing_and_one_number(seller: Seller, case: str) -> None:
    path = f"/api/cases/{case}/filed"
    answers = await asyncio.gather(
        *(seller.http.post(path, json={"amazonCaseId": f"90090{n // 2}"}) for n in range(6))
    )
    good = [one.json()["amazonCaseId"] for one in answers if one.status_code == 200]
    assert len(set(good)) == 1
    assert {one.status_code for one in answers} == {200, 409}
    assert await filings(seller) == [(case, "filed", good[0])]


async def test_another_number_is_refused_and_nothing_is_noted(seller: Seller, case: str) -> None:
    await told(seller)
    assert (await told(seller, "900901", status=409))["code"] == "filed_otherwise"
    seller.integrations.cases[seller.user_id].append(seller_case(2))
    assert (await told(seller, of="2", status=409))["code"] == "filed_otherwise"
    assert ("cas_2", "filed", NUMBER) not in await filings(seller)
    assert (case, "filed", NUMBER) in await filings(seller)


async def test_what_integrations_refuses_is_its_answer_and_not_noted(
    seller: Seller, case: str
) -> None:
    seller.integrations.change(seller.user_id, case, status="closed", closed_reason="it was found")
    assert (await told(seller, status=409))["code"] == "case_closed"
    seller.integrations.change(seller.user_id, case, status="filed", amazon_case_id="555555")
    assert (await told(seller, status=409))["code"] == "filed_otherwise"
    assert (await told(seller, of="unknown", status=404))["code"] == "no_such_case"
    assert await filings(seller) == []


async def test_a_case_that_was_filed_before_filings_knew_of_it_is_taken_over(
    seller: Seller, case: str
) -> None:
    seller.integrations.change(seller.user_id, case, status="filed", amazon_case_id=NUMBER)
    await told(seller)
    assert await filings(seller) == [(case, "filed", NUMBER)]


async def test_a_paid_case_is_not_filed_anew(seller: Seller, case: str) -> None:
    seller.integrations.change(seller.user_id, case, status="paid", amazon_case_id=NUMBER)
    assert (await told(seller))["status"] == "paid"
    assert await filings(seller) == []


async def test_nothing_is_noted_while_integrations_is_away(seller: Seller, case: str) -> None:
    seller.integrations.before = [problem(503, "unavailable") for _ in range(3)]
    refused = await told(seller, status=503)
    assert "integrations-backend" in refused["detail"]
    assert await filings(seller) == []
    await told(seller)
    assert await filings(seller) == [(case, "filed", NUMBER)]


async def test_what_was_noted_is_told_later_when_telling_failed(seller: Seller, case: str) -> None:
    seen = seller.integrations
    read = seller.integrations.cases[seller.user_id][0].model_dump_json(by_alias=True)
    away = [problem(503, "unavailable") for _ in range(3)]
    seen.before = [Response(read, media_type="application/json"), *away]
    await told(seller, status=503)
    assert await filings(seller) == [(case, "filed", NUMBER)]
    assert seen.cases[seller.user_id][0].status == "open"
    await seller.work()
    assert seen.cases[seller.user_id][0].amazon_case_id == NUMBER
    assert (await told(seller))["status"] == "filed"


async def test_anothers_case_does_not_exist(seller: Seller, rival: Seller, case: str) -> None:
    assert (await told(rival, status=404))["code"] == "no_such_case"
    assert await filings(rival) == []


@pytest.mark.parametrize("number", ["12345", "x" * 8, "9" * 21, ""])
async def test_what_is_no_number_of_amazon_is_refused(
    seller: Seller, case: str, number: str
) -> None:
    await told(seller, number, status=422)
    assert await filings(seller) == []
