"""A filing from draft to paid: moved by people and by facts, audited, and never sent by a machine."""

import asyncio
from typing import Any

import pytest
from engine import Engine
from factories import confirmed, reversed_
from fakes.integrations_fake import seller_case
from fakes.payments_fake import problem
from seller import Seller
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from main_api.filings.rules import TRANSITIONS
from opside_chassis.database import transaction


async def drafted(seller: Seller, number: int = 1, **changes: Any) -> str:
    """The id of a new draft for a case of the seller's."""
    seller.integrations.cases.setdefault(seller.user_id, []).append(seller_case(number, **changes))
    view = await seller.posted("/api/filings", {"caseId": f"cas_{number}"}, status=201)
    assert view["state"] == "drafted"
    return view["filingId"]


async def moved(seller: Seller, filing_id: str, to: str, *, status: int = 200, **more: str) -> Any:
    return await seller.posted(f"/api/filings/{filing_id}/move", {"to": to, **more}, status=status)


async def filed(
    seller: Seller, filing_id: str, amazon: str = "900900", *, status: int = 200
) -> Any:
    body = {"amazonCaseId": amazon}
    return await seller.posted(f"/api/filings/{filing_id}/filed", body, status=status)


async def state(seller: Seller, filing_id: str) -> str:
    view = await seller.got(f"/api/filings/{filing_id}")
    return view["state"]


async def test_the_database_and_the_code_know_the_same_moves(seller: Seller) -> None:
    rows = await seller.execute("SELECT from_state, to_state FROM filing_transitions")
    kept = {(row["from_state"], row["to_state"]) for row in rows}
    assert kept == {(former.value, later.value) for former, later in TRANSITIONS}


async def test_a_draft_states_the_claim_and_nothing_more(seller: Seller) -> None:
    filing_id = await drafted(seller)
    view = await seller.got(f"/api/filings/{filing_id}")
    assert "2 units of X001 / SKU-1 were lost in your fulfilment network" in view["text"]
    assert "Please reimburse 2 units at 40.00 USD." in view["text"]
    assert view["fieldSheet"]["Centre"] == "PHX3"
    assert view["fieldSheet"]["Value"] == "40.00 USD"
    unknown = await drafted(seller, 2, value_cents=None, quantity=1)
    view = await seller.got(f"/api/filings/{unknown}")
    assert "Please reimburse 1 unit." in view["text"]
    assert view["fieldSheet"]["Value"].startswith("unknown")


async def test_a_case_has_one_filing_however_often_it_is_drafted(seller: Seller) -> None:
    filing_id = await drafted(seller)
    body = {"caseId": "cas_1"}
    answers = await asyncio.gather(*(seller.http.post("/api/filings", json=body) for _ in range(5)))
    assert {one.json()["filingId"] for one in answers} == {filing_id}


async def test_only_an_open_case_is_drafted(seller: Seller) -> None:
    reason = "Amazon found the units"
    seller.integrations.cases["usr_a"] = [seller_case(status="closed", closed_reason=reason)]
    refused = await seller.posted("/api/filings", {"caseId": "cas_1"}, status=409)
    assert refused["code"] == "case_not_open"
    assert reason in refused["detail"]
    await seller.posted("/api/filings", {"caseId": "cas_unknown"}, status=404)


async def test_a_filing_goes_its_whole_way_and_every_step_is_audited(
    seller: Seller, engine: Engine
) -> None:
    filing_id = await drafted(seller)
    await moved(seller, filing_id, "ready")
    await filed(seller, filing_id)
    await seller.work()
    told = await seller.got(f"/api/filings/{filing_id}")
    assert told["toldAt"] is not None
    assert seller.integrations.cases["usr_a"][0].amazon_case_id == "900900"
    await moved(seller, filing_id, "answered", reason="they ask for an invoice")
    await moved(seller, filing_id, "denied", reason="no")
    await moved(seller, filing_id, "appealed", reason="here is the invoice")
    await engine.tell(confirmed(amount_minor=4_000, amazon_case_id="900900"))
    await engine.work()
    paid = await seller.got(f"/api/filings/{filing_id}")
    assert (paid["state"], paid["paidCents"], paid["paidUnits"]) == ("paid", 4_000, 2)
    audit = await seller.got(f"/api/filings/{filing_id}/audit")
    assert [(one["toState"], one["changedBy"]) for one in audit] == [
        ("drafted", "usr_a"),
        ("ready", "usr_a"),
        ("filed", "usr_a"),
        ("filed", "opside"),
        ("answered", "usr_a"),
        ("denied", "usr_a"),
        ("appealed", "usr_a"),
        ("paid", "opside"),
    ]
    assert audit[4]["changes"]["reason"] == "they ask for an invoice"
    assert [one["version"] for one in audit] == list(range(1, 9))


async def test_payments_in_parts_and_taken_back_move_the_filing(
    seller: Seller, engine: Engine
) -> None:
    filing_id = await drafted(seller)
    await filed(seller, filing_id)
    await engine.tell(confirmed(quantity=1, amount_minor=2_000))
    await engine.work()
    assert await state(seller, filing_id) == "partly_paid"
    await engine.tell(confirmed(recovery_id="778", quantity=1, amount_minor=2_000))
    await engine.work()
    assert await state(seller, filing_id) == "paid"
    await engine.tell(reversed_(amount_minor=500))
    await engine.work()
    assert await state(seller, filing_id) == "partly_paid"
    await engine.tell(reversed_(reversal_id="889", amount_minor=1_500))
    await engine.tell(reversed_(reversal_id="890", recovery_id="778", amount_minor=2_000))
    await engine.work()
    view = await seller.got(f"/api/filings/{filing_id}")
    assert (view["state"], view["paidCents"]) == ("denied", 0)
    assert view["reason"] == "Amazon took its payment back"
    await moved(seller, filing_id, "appealed")


async def test_what_a_person_noted_stays_when_an_old_payment_is_told_again(
    seller: Seller, engine: Engine
) -> None:
    filing_id = await drafted(seller)
    await filed(seller, filing_id)
    await engine.tell(confirmed(quantity=1))
    await engine.work()
    await moved(seller, filing_id, "appealed")
    await engine.tell(confirmed(quantity=1, event_id="evt_again"))
    await engine.work()
    assert await state(seller, filing_id) == "appealed"


async def test_a_payment_of_a_claim_that_nobody_told_us_of_shows_that_it_was_filed(
    seller: Seller, engine: Engine
) -> None:
    filing_id = await drafted(seller)
    await engine.tell(confirmed(amazon_case_id="123456"))
    await engine.work()
    view = await seller.got(f"/api/filings/{filing_id}")
    assert (view["state"], view["amazonCaseId"]) == ("paid", "123456")


async def test_racing_payments_are_both_counted(seller: Seller, engine: Engine) -> None:
    filing_id = await drafted(seller)
    await filed(seller, filing_id)
    for number in range(2):
        await engine.tell(confirmed(recovery_id=f"77{number}", quantity=1, amount_minor=2_000))
    await engine.race()
    view = await seller.got(f"/api/filings/{filing_id}")
    assert (view["state"], view["paidCents"], view["paidUnits"]) == ("paid", 4_000, 2)


@pytest.mark.parametrize("target", ["paid", "partly_paid", "filed", "expired"])
async def test_nobody_moves_a_filing_where_only_facts_do(seller: Seller, target: str) -> None:
    filing_id = await drafted(seller)
    refused = await moved(seller, filing_id, target, status=409)
    assert refused["code"] == "wrong_move"


async def test_a_filing_skips_no_step(seller: Seller) -> None:
    filing_id = await drafted(seller)
    for target in ("answered", "denied", "appealed"):
        await moved(seller, filing_id, target, status=409)
    await filed(seller, filing_id)
    for target in ("drafted", "ready"):
        await moved(seller, filing_id, target, status=409)


async def test_filing_is_told_once_and_never_otherwise(seller: Seller) -> None:
    first, second = await drafted(seller, 1), await drafted(seller, 2)
    await filed(seller, first)
    again = await filed(seller, first)
    assert again["version"] == 2
    assert (await filed(seller, first, "900901", status=409))["code"] == "filed_otherwise"
    assert (await filed(seller, second, status=409))["code"] == "filed_otherwise"
    assert await state(seller, second) == "drafted"
    await filed(seller, second, "12345", status=422)


async def test_racing_tellers_leave_one_number(seller: Seller) -> None:
    filing_id = await drafted(seller)
    path = f"/api/filings/{filing_id}/filed"
    answers = await asyncio.gather(
        *(seller.http.post(path, json={"amazonCaseId": f"90090{n}"}) for n in range(5))
    )
    first, *others = sorted(one.status_code for one in answers)
    assert (first, set(others) <= {409, 503}) == (200, True), "503: waited too long for the lock"


async def test_a_case_that_closed_or_was_filed_elsewhere_is_not_filed(seller: Seller) -> None:
    filing_id = await drafted(seller)
    seller.integrations.change("usr_a", "cas_1", status="closed", closed_reason="it was found")
    assert "it was found" in (await filed(seller, filing_id, status=409))["detail"]
    seller.integrations.change("usr_a", "cas_1", status="filed", amazon_case_id="555555")
    assert (await filed(seller, filing_id, status=409))["code"] == "filed_otherwise"
    await filed(seller, filing_id, "555555")


async def test_what_a_person_filed_is_kept_while_nobody_can_be_told(seller: Seller) -> None:
    filing_id = await drafted(seller)
    seller.integrations.before = [problem(503, "unavailable") for _ in range(12)]
    await filed(seller, filing_id)
    await seller.work()
    assert (await seller.got(f"/api/filings/{filing_id}"))["toldAt"] is None
    seller.integrations.before = []
    await seller.work()
    assert (await seller.got(f"/api/filings/{filing_id}"))["toldAt"] is not None


async def test_a_refusal_of_the_case_is_shown(seller: Seller) -> None:
    filing_id = await drafted(seller)
    await filed(seller, filing_id)
    seller.integrations.change("usr_a", "cas_1", status="filed", amazon_case_id="777777")
    await seller.work()
    view = await seller.got(f"/api/filings/{filing_id}")
    assert (view["toldAt"], view["toldProblem"]) == (None, "no: filed_otherwise")


async def test_evidence_of_a_ready_packet_stays(seller: Seller) -> None:
    filing_id = await drafted(seller)
    evidence_id = await seller.uploaded(kind="invoice")
    await seller.posted(f"/api/evidence/{evidence_id}/matches", {"caseId": "cas_1"}, status=201)
    await moved(seller, filing_id, "ready")
    answer = await seller.http.delete(f"/api/evidence/{evidence_id}")
    assert (answer.status_code, answer.json()["code"]) == (409, "evidence_in_use")
    await moved(seller, filing_id, "drafted")
    assert (await seller.http.delete(f"/api/evidence/{evidence_id}")).status_code == 204
    assert (await seller.got(f"/api/filings/{filing_id}"))["evidence"] == []


async def test_a_document_deleted_while_a_packet_is_made_ready_is_not_in_it(
    seller: Seller,
) -> None:
    filing_id = await drafted(seller)
    evidence_id = await seller.uploaded(kind="invoice")
    await seller.posted(f"/api/evidence/{evidence_id}/matches", {"caseId": "cas_1"}, status=201)
    async with transaction(seller.door.database.sessions, tenant="usr_a") as session:
        gone = text("DELETE FROM evidence_documents WHERE id = :id")
        await session.execute(gone, {"id": evidence_id})
        becoming_ready = asyncio.create_task(moved(seller, filing_id, "ready"))
        await asyncio.sleep(0.3)  # it has read the document and waits for the deletion
    view = await becoming_ready
    assert (view["state"], view["evidence"]) == ("ready", [])


async def test_the_seller_words_a_draft_and_nothing_later(seller: Seller) -> None:
    filing_id = await drafted(seller)
    path = f"/api/filings/{filing_id}/text"
    answer = await seller.http.put(path, json={"text": "My own words.\nTwo lines."})
    assert answer.status_code == 200, answer.text
    assert answer.json()["text"] == "My own words.\nTwo lines."
    await moved(seller, filing_id, "ready")
    assert (await seller.http.put(path, json={"text": "other"})).status_code == 409
    await moved(seller, filing_id, "drafted")
    back = (await seller.http.put(path, json={"text": None})).json()
    assert back["text"].startswith("Hello,")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE filings SET state = 'paid', version = version + 1",
        "UPDATE filings SET state = 'filed', version = version + 1",
        "UPDATE filings SET state = 'denied', amazon_case_id = '900900', filed_at = now(),"
        " version = version + 1",
        "UPDATE filings SET reason = 'x'",
        "UPDATE filings SET version = version + 2",
        "UPDATE filings SET case_id = 'cas_9', version = version + 1",
        "UPDATE filings SET quantity = 9, version = version + 1",
        "UPDATE filings SET facts = '{}', version = version + 1",
        "UPDATE filings SET paid_minor = -1, version = version + 1",
        "UPDATE filing_audit SET changed_by = 'nobody'",
        "DELETE FROM filing_audit",
        "DELETE FROM filings",
        "DELETE FROM filing_evidence",
        "INSERT INTO filing_transitions VALUES ('drafted', 'paid')",
        "INSERT INTO filings (id, user_id, case_id, claim_id, claim_type, state, quantity, currency,"
        " deadline, facts, changed_by) VALUES ('fil_x', 'usr_a', 'cas_x', 'clm_x', 'x', 'ready', 1,"
        " 'usd', now(), '{}', 'usr_a')",
    ],
)
async def test_the_database_refuses(seller: Seller, statement: str) -> None:
    filing_id = await drafted(seller)
    evidence_id = await seller.uploaded()
    await seller.posted(f"/api/evidence/{evidence_id}/matches", {"caseId": "cas_1"}, status=201)
    await moved(seller, filing_id, "ready")
    refused = r"check|cannot go|new version|never changes|permission denied|begins|only while"
    with pytest.raises(DBAPIError, match=refused):
        await seller.execute(statement)


ROUTES_OF_A_FILING = [
    ("GET", "", None),
    ("GET", "/audit", None),
    ("GET", "/packet.pdf", None),
    ("GET", "/packet.zip", None),
    ("PUT", "/text", {"text": "x"}),
    ("POST", "/move", {"to": "ready"}),
    ("POST", "/filed", {"amazonCaseId": "900900"}),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES_OF_A_FILING)
async def test_anothers_filing_does_not_exist(
    seller: Seller, rival: Seller, method: str, path: str, body: object
) -> None:
    filing_id = await drafted(seller)
    theirs = await rival.http.request(method, f"/api/filings/{filing_id}{path}", json=body)
    unknown = await rival.http.request(method, f"/api/filings/fil_unknown{path}", json=body)
    assert (theirs.status_code, unknown.status_code) == (404, 404)
    assert theirs.json()["detail"] == unknown.json()["detail"]
    assert await state(seller, filing_id) == "drafted"
    assert (await rival.got("/api/filings"))["items"] == []
    await rival.posted("/api/filings", {"caseId": "cas_1"}, status=404)


async def test_filings_are_listed_by_state(seller: Seller) -> None:
    ids = [await drafted(seller, number) for number in range(4)]
    await moved(seller, ids[1], "ready")
    page = await seller.got("/api/filings", limit=3)
    assert [one["filingId"] for one in page["items"]] == ids[:0:-1]
    rest = await seller.got("/api/filings", limit=3, cursor=page["nextCursor"])
    assert [one["filingId"] for one in rest["items"]] == ids[:1]
    ready = await seller.got("/api/filings", state="ready")
    assert [one["filingId"] for one in ready["items"]] == [ids[1]]
