"""Cases that ask for a sum: what Amazon pays on them answers them, is charged once, and leaves no claim."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from factories.claims import cases_of, file_case
from sandbox import Sandbox, live_amazon, running
from service import ADA, Keys, Service, build, settings_of

from integrations_backend.detection.answered import MONEY_CLAIMS
from integrations_backend.sync.start import start_sync
from opside_chassis.clock import utc_now
from opside_chassis.database import Database

PERSONA = "dieter"
"""He has every kind of loss."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def live(
    committed_database: Database, tmp_path: Path, sandbox: Sandbox
) -> AsyncIterator[Service]:
    settings = settings_of(Keys(), tmp_path, **sandbox.settings)
    async with live_amazon(settings) as amazon:
        yield build(
            committed_database,
            tmp_path / "archive",
            amazon=amazon,
            clock=utc_now,
            **sandbox.settings,
        )


async def sync(service: Service) -> None:
    await start_sync(service.sessions, user_id=ADA, reason="test", clock=utc_now)
    await service.work(rounds=60)


async def file_at_amazon(service: Service, sandbox: Sandbox, claim_type: str) -> dict[str, Any]:
    """The first open case of a type, filed by a person; Amazon will pay it."""
    truth = sandbox.ask(f"amazon/truth/{PERSONA}")["claimable"]
    loss = next(one for one in truth if one["claim_type"] == claim_type)
    sandbox.ask("amazon/desk", persona=PERSONA, loss_id=loss["loss_id"], answer="approve")
    case = next(
        one
        for one in await cases_of(service, limit="100")
        if one["claimType"] == claim_type and one["fnsku"] == loss["fnsku"]
        and one["referenceId"] == loss["reference"]
    )  # fmt: skip
    form = {
        "persona": PERSONA,
        "claimType": claim_type,
        "fnsku": loss["fnsku"],
        "orderId": loss["order_id"] or "",
        "referenceId": loss["reference"] or "",
        "quantity": str(loss["quantity"]),
    }
    async with httpx.AsyncClient(headers={"accept": "application/json"}) as browser:
        answer = await browser.post(f"{sandbox.amazon}/seller-central/cases", data=form)
    filed = await file_case(service, case["caseId"], answer.json()["caseId"])
    assert filed.status_code == 200, filed.text
    return case | {"amazonCaseId": answer.json()["caseId"]}


async def test_what_is_paid_on_them_settles_them_once(live: Service, sandbox: Sandbox) -> None:
    assert await sandbox.consent(live, ADA, PERSONA) == "ok"
    await live.work(rounds=60)
    cases = [await file_at_amazon(live, sandbox, claim_type) for claim_type in MONEY_CLAIMS]
    sandbox.ask("clock/advance", seconds=5)
    for _ in range(2):
        await sync(live)
        for case in cases:
            about = f"{case['claimType']} {case['caseId']}"
            (claim,) = await live.rows(
                "SELECT settled_as, value_minor FROM amazon_claims WHERE id = :claim",
                claim=case["claimId"],
            )
            assert claim["settled_as"] == "paid", about
            rows = await live.rows(
                "SELECT amount_minor, billable FROM case_recoveries WHERE case_id = :case",
                case=case["caseId"],
            )
            assert rows == [{"amount_minor": claim["value_minor"], "billable": True}], about
            (now,) = await live.rows(
                "SELECT case_status FROM refund_engine_cases WHERE id = :case", case=case["caseId"]
            )
            assert now == {"case_status": "paid"}, about
    told = await live.rows(
        "SELECT payload->>'caseId' AS case_id FROM outbox WHERE kind = 'publish_event'"
        " AND payload->>'type' = 'recovery.confirmed'"
    )
    assert sorted(one["case_id"] for one in told) == sorted(one["caseId"] for one in cases)
