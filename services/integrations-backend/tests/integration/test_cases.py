"""A claim is one case; a filed case keeps what it claimed; the cost book values lost stock."""

import asyncio
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from factories.claims import CLAIM, cases_of, file_case, record
from service import ADA, BEN, Service
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

COST = {
    "sku": "SKU-1",
    "unitCostCents": 450,
    "currency": "usd",
    "sourceDocument": "invoice-17.pdf",
    "effectiveDate": "2026-01-01",
}


async def filed(service: Service, amazon_case: str = "1234567890") -> dict[str, Any]:
    """One open case, filed under this number."""
    await record(service, CLAIM)
    (case,) = await cases_of(service)
    answer = await file_case(service, case["caseId"], amazon_case)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_claim_becomes_one_case_however_often_it_is_recorded(service: Service) -> None:
    for sync in ("syn_1", "syn_2", "syn_3"):
        await record(service, CLAIM, sync=sync)
    (case,) = await cases_of(service)
    assert (case["status"], case["quantity"], case["valueCents"]) == ("open", 3, None)
    assert [one["step"] for one in case["audit"]] == ["created"]


async def test_racing_syncs_make_one_case(service: Service) -> None:
    await record(service, CLAIM)
    await service.execute("DELETE FROM detected_losses")
    await asyncio.gather(*(record(service, CLAIM, sync=f"syn_{n}") for n in range(6)))
    assert len(await cases_of(service)) == 1


async def test_thousands_of_claims_are_kept_in_a_few_statements(service: Service) -> None:
    """One statement a claim would not end within the 20 s of a job."""
    claims = [replace(CLAIM, key=f"k{number}") for number in range(5_000)]
    said: list[str] = []
    engine = service.runtime.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    await record(service, *claims)
    assert len(said) < 20
    (row,) = await service.rows("SELECT count(*), sum(quantity) AS units FROM amazon_claims")
    assert (row["count"], row["units"]) == (5_000, 15_000)


async def test_a_claim_keeps_every_field(service: Service) -> None:
    claim = replace(CLAIM, value_minor=1_234, explanation={"said": 'a "quoted" word, ü and 包'})
    await record(service, claim)
    (row,) = await service.rows("SELECT * FROM amazon_claims")
    assert row["confidence_bp"] == 9_800
    assert {
        name: row[name]
        for name in ("event_date", "opens_on", "deadline", "value_minor", "explanation")
    } == {
        "event_date": CLAIM.event_date,
        "opens_on": CLAIM.opens,
        "deadline": CLAIM.deadline,
        "value_minor": 1_234,
        "explanation": claim.explanation,
    }


async def test_an_open_case_follows_its_claim(service: Service) -> None:
    await record(service, CLAIM)
    await record(service, replace(CLAIM, quantity=2), sync="syn_2")
    (case,) = await cases_of(service)
    assert case["quantity"] == 2
    assert case["audit"][-1] | {"at": ""} == {
        "step": "source changed",
        "syncId": "syn_2",
        "quantity": 2,
        "valueMinor": None,
        "at": "",
    }


async def test_a_deadline_never_moves(service: Service) -> None:
    await record(service, CLAIM)
    await record(service, replace(CLAIM, deadline=date(2027, 1, 1), quantity=2))
    assert (await cases_of(service))[0]["deadline"] == "2026-11-30"
    with pytest.raises(DBAPIError, match="keeps its loss and its deadline"):
        await service.execute("UPDATE amazon_claims SET deadline = '2027-01-01'")


async def test_a_filed_case_is_frozen(service: Service) -> None:
    case = await filed(service)
    assert (case["status"], case["quantity"], case["amazonCaseId"]) == ("filed", 3, "1234567890")
    await record(service, replace(CLAIM, quantity=1), sync="syn_2")
    (after,) = await cases_of(service)
    assert (after["quantity"], after["status"], after["deadline"]) == (3, "filed", "2026-11-30")
    assert [one["step"] for one in after["audit"]] == ["created", "filed"]


@pytest.mark.parametrize(
    "change",
    [
        "amazon_case_id = '999'",
        "amazon_case_id = NULL, filed_at = NULL, filed_quantity = NULL, case_status = 'open'",
        "claim_id = 'clm_other'",
        "user_id = 'usr_ben'",
        "case_status = 'open'",
        "case_status = 'reversed'",
        "case_status = 'nonsense'",
        "filed_quantity = NULL",
    ],
)
async def test_the_database_keeps_a_filed_case(service: Service, change: str) -> None:
    await filed(service)
    with pytest.raises(DBAPIError):
        await service.execute(f"UPDATE refund_engine_cases SET {change}")  # noqa: S608


async def test_filing_again_under_the_same_number_is_harmless(service: Service) -> None:
    case = await filed(service)
    again = await file_case(service, case["caseId"], "1234567890")
    assert (again.status_code, again.json()["filedAt"]) == (200, case["filedAt"])
    assert [one["step"] for one in again.json()["audit"]].count("filed") == 1


async def test_a_case_is_filed_under_one_number(service: Service) -> None:
    case = await filed(service)
    answer = await file_case(service, case["caseId"], "999999")
    assert (answer.status_code, answer.json()["code"]) == (409, "filed_otherwise")


async def test_a_number_belongs_to_one_case_of_a_seller(service: Service) -> None:
    await filed(service)
    await record(service, replace(CLAIM, key="b"))
    other = next(one for one in await cases_of(service) if one["status"] == "open")
    assert (await file_case(service, other["caseId"], "1234567890")).status_code == 409


async def test_two_sellers_may_have_the_same_number(service: Service) -> None:
    """Amazon's case ids are unique at Amazon; what a seller types is not proof."""
    await filed(service)
    await record(service, CLAIM, user_id=BEN)
    (case,) = await cases_of(service, BEN)
    assert (await file_case(service, case["caseId"], "1234567890", BEN)).status_code == 200


async def test_racing_numbers_for_one_case_file_it_once(service: Service) -> None:
    await record(service, CLAIM)
    (case,) = await cases_of(service)
    answers = await asyncio.gather(
        *(file_case(service, case["caseId"], f"10000{n}") for n in range(6))
    )
    assert sorted(one.status_code for one in answers) == [200] + [409] * 5


async def test_one_number_raced_for_two_cases_files_one(service: Service) -> None:
    await record(service, *(replace(CLAIM, key=f"k{n}") for n in range(10)))
    found = await cases_of(service)
    answers = await asyncio.gather(
        *(file_case(service, one["caseId"], "1234567890") for one in found)
    )
    assert sorted(one.status_code for one in answers) == [200] + [409] * 9


@pytest.mark.parametrize("number", ["", "12345", "1" * 21, "12345a", "١٢٣٤٥٦", "123456\n"])
async def test_what_is_no_number_of_amazon_is_refused(service: Service, number: str) -> None:
    await record(service, CLAIM)
    (case,) = await cases_of(service)
    assert (await file_case(service, case["caseId"], number)).status_code in {400, 422}
    assert (await cases_of(service))[0]["status"] == "open"


async def test_cases_are_listed_by_status(service: Service) -> None:
    await filed(service)
    await record(service, replace(CLAIM, key="b"))
    assert [one["status"] for one in await cases_of(service, status="filed")] == ["filed"]
    assert [one["status"] for one in await cases_of(service, status="open")] == ["open"]
    async with service.as_user(ADA) as browser:
        assert (await browser.get("/api/cases?status=lost")).status_code in {400, 422}


async def test_pages_hold_every_case_once(service: Service) -> None:
    await record(service, *(replace(CLAIM, key=f"k{n}") for n in range(7)))
    seen: list[str] = []
    async with service.as_user(ADA) as browser:
        query: dict[str, str] = {"limit": "3"}
        while True:
            page = (await browser.get("/api/cases", params=query)).json()
            seen += [one["caseId"] for one in page["items"]]
            if not page.get("nextCursor"):
                break
            query["cursor"] = page["nextCursor"]
    assert len(seen) == len(set(seen)) == 7


async def put(service: Service, *costs: dict[str, Any], user_id: str = ADA) -> Any:
    async with service.as_user(user_id) as browser:
        return await browser.put("/api/costs", json=list(costs))


async def test_a_cost_document_values_the_case(service: Service) -> None:
    await record(service, CLAIM)
    assert (await put(service, COST)).json() == {"casesValued": 1}
    (case,) = await cases_of(service)
    assert case["valueCents"] == 3 * 450
    assert (await put(service, COST)).json() == {"casesValued": 0}, "the same again changes nothing"


@pytest.mark.parametrize(
    "change",
    [
        {"sku": "SKU-2"},
        {"currency": "gbp"},
        {"effectiveDate": "2026-10-02"},
    ],
)
async def test_a_cost_of_something_else_values_nothing(
    service: Service, change: dict[str, str]
) -> None:
    await record(service, CLAIM)
    await put(service, COST | change)
    assert (await cases_of(service))[0]["valueCents"] is None


async def test_the_cost_in_force_on_the_day_of_the_loss_counts(service: Service) -> None:
    await record(service, CLAIM)
    await put(
        service,
        COST,
        COST | {"unitCostCents": 500, "effectiveDate": "2026-10-01"},
        COST | {"unitCostCents": 900, "effectiveDate": "2026-10-02"},
    )
    assert (await cases_of(service))[0]["valueCents"] == 1_500


async def test_a_corrected_cost_is_taken(service: Service) -> None:
    await record(service, CLAIM)
    await put(service, COST)
    await put(service, COST | {"unitCostCents": 500})
    assert (await cases_of(service))[0]["valueCents"] == 1_500


@pytest.mark.parametrize(
    "change", [{"unitCostCents": 0}, {"unitCostCents": -1}, {"unitCostCents": 4.5}, {"sku": ""}]
)
async def test_a_cost_that_is_none_is_refused(service: Service, change: dict[str, Any]) -> None:
    assert (await put(service, COST | change)).status_code in {400, 422}
    assert await service.rows("SELECT * FROM cost_entries") == []


async def test_main_api_is_told_once_what_a_sync_found(service: Service) -> None:
    other = replace(CLAIM, key="warehouse_lost:X001:2", quantity=3, value_minor=1_200)
    pound = replace(CLAIM, key="warehouse_lost:X002:1", currency="gbp")
    for sync in ("syn_1", "syn_1", "syn_2"):
        await record(service, CLAIM, other, pound, sync=sync)
    told = await service.rows(
        "SELECT payload FROM outbox WHERE payload->>'type' = 'cases.found' ORDER BY id"
    )
    found = {row["payload"]["currency"]: row["payload"] for row in told}
    assert len(told) == len(found) == 2
    assert (found["usd"]["cases"], found["usd"]["quantity"]) == (2, CLAIM.quantity + 3)
    assert found["usd"]["knownValueMinor"] == 1_200
    assert (found["gbp"]["cases"], found["gbp"]["syncId"]) == (1, "syn_1")
    assert found["usd"]["firstDeadline"] == CLAIM.deadline.isoformat()
