"""Documents find their cases, people decide, and the database counts every unit once."""

import asyncio
from datetime import timedelta

import pytest
from fakes.integrations_fake import seller_case
from fakes.payments_fake import problem
from seller import Seller, pdf
from sqlalchemy.exc import IntegrityError, ProgrammingError

INVOICE = (
    (0, "invoice_date", "2026-09-01"),
    (0, "currency", "usd"),
    (1, "fnsku", "X001"),
    (1, "quantity", "3"),
    (1, "unit_cost_minor", "2000"),
)


async def typed_invoice(seller: Seller, *, number: int = 1) -> str:
    evidence_id = await seller.uploaded(pdf(f"scan {number}"), kind="invoice")
    answer = await seller.typed(evidence_id, *INVOICE)
    assert answer.status_code == 200, answer.text
    return evidence_id


async def the_match(seller: Seller, **query: str) -> dict:
    [match] = (await seller.got("/api/evidence/matches", **query))["items"]
    return match


async def test_a_typed_invoice_is_proposed_and_accepted(seller: Seller) -> None:
    seller.integrations.cases["usr_a"] = [seller_case()]
    evidence_id = await typed_invoice(seller)
    await seller.work()
    match = await the_match(seller, caseId="cas_1")
    assert (match["evidenceId"], match["status"], match["units"], match["confidence"]) == (
        evidence_id,
        "proposed",
        2,
        0.85,
    )
    assert len(match["reasons"]) == 4
    accepted = await seller.posted(f"/api/evidence/matches/{match['matchId']}/accept")
    assert accepted["status"] == "accepted"
    detail = await seller.got(f"/api/evidence/{evidence_id}")
    assert detail["lines"] == [{"lineNo": 1, "units": 3, "usedUnits": 2}]
    await seller.posted(f"/api/evidence/matches/{match['matchId']}/reject")
    detail = await seller.got(f"/api/evidence/{evidence_id}")
    assert detail["lines"][0]["usedUnits"] == 0


async def test_units_of_an_invoice_are_used_once(seller: Seller) -> None:
    seller.integrations.cases["usr_a"] = [seller_case(1), seller_case(2)]
    evidence_id = await typed_invoice(seller)
    path = f"/api/evidence/{evidence_id}/matches"
    await seller.posted(path, {"caseId": "cas_1", "lineNo": 1, "units": 2}, status=201)
    refused = await seller.posted(path, {"caseId": "cas_2", "lineNo": 1, "units": 2}, status=409)
    assert refused["code"] == "units_used_up"
    await seller.posted(path, {"caseId": "cas_2", "lineNo": 1, "units": 1}, status=201)
    fewer = await seller.typed(evidence_id, (1, "quantity", "2"))
    assert (fewer.status_code, fewer.json()["code"]) == (409, "units_used_up")
    gone = await seller.typed(evidence_id, (1, "quantity", None))
    assert gone.status_code == 409
    assert (await seller.typed(evidence_id, (1, "quantity", "4"))).status_code == 200


async def test_racing_matches_share_what_is_there(seller: Seller) -> None:
    seller.integrations.cases["usr_a"] = [seller_case(number) for number in range(8)]
    evidence_id = await typed_invoice(seller)
    path = f"/api/evidence/{evidence_id}/matches"
    bodies = [{"caseId": f"cas_{number}", "lineNo": 1, "units": 1} for number in range(8)]
    answers = await asyncio.gather(*(seller.http.post(path, json=body) for body in bodies))
    assert sorted(one.status_code for one in answers) == [201] * 3 + [409] * 5


async def test_the_database_refuses_units_twice_whatever_the_code_does(seller: Seller) -> None:
    seller.integrations.cases["usr_a"] = [seller_case(1), seller_case(2)]
    evidence_id = await typed_invoice(seller)
    insert = (
        "INSERT INTO evidence_matches VALUES (:id, 'usr_a', :document, :line, :case, :units,"
        " 'accepted', 1, '[]', 'usr_a', now())"
    )
    named = {"document": evidence_id, "line": 1, "case": "cas_1", "units": 3, "id": "mat_1"}
    await seller.execute(insert, **named)
    for changes in (
        {"id": "mat_2", "case": "cas_2", "units": 1},
        {"id": "mat_3", "case": "cas_3", "line": 2},
    ):
        with pytest.raises(IntegrityError, match=r"used_once|no units"):
            await seller.execute(insert, **(named | changes))
    with pytest.raises(IntegrityError):
        await seller.execute("UPDATE evidence_matches SET units = 4")
    with pytest.raises(IntegrityError, match="never changes"):
        await seller.execute("UPDATE evidence_matches SET line_no = 2")
    with pytest.raises(ProgrammingError, match="permission denied"):
        await seller.execute("UPDATE evidence_lines SET used_units = 0")


async def test_what_a_person_decided_is_not_proposed_again(seller: Seller) -> None:
    seller.integrations.cases["usr_a"] = [seller_case()]
    evidence_id = await typed_invoice(seller)
    await seller.work()
    match = await the_match(seller)
    await seller.posted(f"/api/evidence/matches/{match['matchId']}/reject")
    await seller.typed(evidence_id, (0, "supplier", "Acme"))
    await seller.work()
    assert (await the_match(seller))["status"] == "rejected"


async def test_a_match_of_another_does_not_exist(seller: Seller, rival: Seller) -> None:
    seller.integrations.cases["usr_a"] = [seller_case()]
    await typed_invoice(seller)
    await seller.work()
    match = await the_match(seller)
    for verb in ("accept", "reject"):
        await rival.posted(f"/api/evidence/matches/{match['matchId']}/{verb}", status=404)
    assert (await rival.got("/api/evidence/matches", caseId="cas_1"))["items"] == []


async def test_nobody_matches_to_a_case_that_is_not_his(seller: Seller, rival: Seller) -> None:
    rival.integrations.cases["usr_b"] = [seller_case()]
    evidence_id = await seller.uploaded()
    await seller.posted(f"/api/evidence/{evidence_id}/matches", {"caseId": "cas_1"}, status=404)


@pytest.mark.parametrize("body", [{"lineNo": 1}, {"units": 1}, {"lineNo": 1, "units": -1}])
async def test_a_match_names_line_and_units_or_neither(seller: Seller, body: dict) -> None:
    seller.integrations.cases["usr_a"] = [seller_case()]
    evidence_id = await seller.uploaded()
    path = f"/api/evidence/{evidence_id}/matches"
    await seller.posted(path, {"caseId": "cas_1"} | body, status=422)


async def test_prompts_say_what_is_missing_why_and_what_is_at_stake(seller: Seller) -> None:
    today = seller.door.clock.now.date()
    year = timedelta(days=365)
    seller.integrations.cases["usr_a"] = [
        seller_case(1, deadline=today + year),
        seller_case(2, deadline=today, value_cents=None, claim_type="removal_lost"),
        seller_case(3, deadline=today - year),
    ]
    prompts = await seller.got("/api/evidence/prompts")
    assert [one["caseId"] for one in prompts["items"]] == ["cas_2", "cas_1"]
    first, second = prompts["items"]
    assert [one["name"] for one in first["missing"]] == ["cost_document", "removal_tracking"]
    assert (first["valueCents"], first["daysLeft"]) == (None, 0)
    assert (second["valueCents"], second["currency"]) == (4_000, "usd")
    evidence_id = await seller.uploaded(kind="invoice")
    await seller.posted(f"/api/evidence/{evidence_id}/matches", {"caseId": "cas_1"}, status=201)
    prompts = await seller.got("/api/evidence/prompts")
    assert [one["caseId"] for one in prompts["items"]] == ["cas_2"]


async def test_prompts_are_those_of_before_while_integrations_is_down(seller: Seller) -> None:
    tomorrow = seller.door.clock.now.date() + timedelta(days=1)
    seller.integrations.cases["usr_a"] = [seller_case(n, deadline=tomorrow) for n in range(150)]
    assert len((await seller.got("/api/evidence/prompts"))["items"]) == 150
    seller.door.clock.advance(seconds=3_600)
    seller.integrations.before = [problem(503, "unavailable") for _ in range(9)]
    prompts = await seller.got("/api/evidence/prompts")
    assert len(prompts["items"]) == 150
    assert prompts["complete"]
    asked = len(seller.integrations.asked)
    seller.integrations.before = []
    await seller.got("/api/evidence/prompts")
    await seller.got("/api/evidence/prompts")
    assert len(seller.integrations.asked) == asked + 2


async def accepted(
    seller: Seller, file: str, cost: str, *, case: str = "cas_1", **head: str
) -> None:
    """An invoice of the day that a person matched to a case."""
    evidence_id = await seller.uploaded(pdf(file), name=f"{file}.pdf", kind="invoice")
    said = {"invoice_date": "2026-09-01", "currency": "usd"} | head
    fields = [(0, name, value) for name, value in said.items()]
    fields += [(1, "quantity", "3"), (1, "unit_cost_minor", cost)]
    assert (await seller.typed(evidence_id, *fields)).status_code == 200
    body = {"caseId": case, "lineNo": 1, "units": 1}
    await seller.posted(f"/api/evidence/{evidence_id}/matches", body, status=201)


@pytest.mark.parametrize("order", [("2000", "1800"), ("1800", "2000")])
async def test_of_two_accepted_invoices_of_a_day_one_counts_whichever_came_first(
    seller: Seller, order: tuple[str, str]
) -> None:
    seller.integrations.cases["usr_a"] = [seller_case(1), seller_case(2, sku="SKU-1")]
    for case, cost in zip(("cas_1", "cas_2"), order, strict=True):
        await accepted(seller, f"of {cost}", cost, case=case)
        await seller.work()
    last = seller.integrations.costs[-1]
    assert (last["unitCostCents"], last["sku"]) == (1_800, "SKU-1")
    assert last["sourceDocument"] == "of 1800.pdf; of 2000.pdf, of the same day, tells another cost"


async def test_what_is_no_rival_is_not_named(seller: Seller) -> None:
    seller.integrations.cases["usr_a"] = [seller_case(1), seller_case(2)]
    await accepted(seller, "other sku", "1500", case="cas_2")
    await accepted(seller, "other day", "1500", invoice_date="2026-09-02")
    await accepted(seller, "other currency", "1500", currency="eur")
    await accepted(seller, "first", "2000", supplier="Acme", invoice_number="7")
    await accepted(seller, "copy", "2100", supplier="ACME", invoice_number="7")
    await accepted(seller, "alike", "2000", invoice_number="9")
    await seller.work()
    told = {
        (one["sku"], one["effectiveDate"], one["currency"]): (
            one["unitCostCents"],
            one["sourceDocument"],
        )
        for one in seller.integrations.costs
    }
    assert told[("SKU-2", "2026-09-01", "usd")] == (1_500, "other sku.pdf")
    assert told[("SKU-1", "2026-09-02", "usd")] == (1_500, "other day.pdf")
    assert told[("SKU-1", "2026-09-01", "eur")] == (1_500, "other currency.pdf")
    assert told[("SKU-1", "2026-09-01", "usd")] == (2_000, "first.pdf (7)")


async def test_an_accepted_line_of_an_invoice_tells_what_units_cost(seller: Seller) -> None:
    seller.integrations.cases["usr_a"] = [seller_case(value_cents=None)]
    evidence_id = await typed_invoice(seller)
    await seller.typed(evidence_id, (0, "invoice_number", "4711"))
    await seller.work()
    assert seller.integrations.costs == []
    match = await the_match(seller)
    await seller.posted(f"/api/evidence/matches/{match['matchId']}/accept")
    await seller.work()
    assert seller.integrations.costs == [
        {
            "sku": "SKU-1",
            "unitCostCents": 2_000,
            "currency": "usd",
            "sourceDocument": "invoice.pdf (4711)",
            "effectiveDate": "2026-09-01",
        }
    ]


async def test_a_cost_corrected_or_typed_after_the_match_is_booked_too(seller: Seller) -> None:
    seller.integrations.cases["usr_a"] = [seller_case(value_cents=None)]
    evidence_id = await typed_invoice(seller)
    await seller.typed(evidence_id, (1, "unit_cost_minor", None))
    body = {"caseId": "cas_1", "lineNo": 1, "units": 1}
    await seller.posted(f"/api/evidence/{evidence_id}/matches", body, status=201)
    await seller.work()
    assert seller.integrations.costs == []
    for cost in ("2000", "1950"):
        await seller.typed(evidence_id, (1, "unit_cost_minor", cost))
        await seller.work()
    await seller.typed(evidence_id, (0, "supplier", "Acme"))
    await seller.work()
    assert [one["unitCostCents"] for one in seller.integrations.costs] == [2_000, 1_950]


@pytest.mark.parametrize("missing", ["invoice_date", "currency", "unit_cost_minor"])
async def test_a_cost_that_is_not_told_is_not_booked(seller: Seller, missing: str) -> None:
    seller.integrations.cases["usr_a"] = [seller_case()]
    evidence_id = await typed_invoice(seller)
    await seller.typed(evidence_id, (int(missing == "unit_cost_minor"), missing, None))
    body = {"caseId": "cas_1", "lineNo": 1, "units": 1}
    await seller.posted(f"/api/evidence/{evidence_id}/matches", body, status=201)
    await seller.work()
    assert seller.integrations.costs == []
    assert await seller.execute("SELECT 1 FROM outbox WHERE status <> 'done'") == []
