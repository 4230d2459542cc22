"""Claims and cases through the service's own doors."""

from datetime import date
from typing import Any

import httpx
from service import ADA, Service

from integrations_backend.cases.record import record_cases, record_findings
from integrations_backend.detection.findings import Claim, Findings, Loss

CLAIM = Claim(
    key="warehouse_lost:X001:1",
    claim_type="warehouse_lost",
    fnsku="X001",
    sku="SKU-1",
    order_id="",
    reference_id="900001",
    quantity=3,
    event_date=date(2026, 10, 1),
    opens=date(2026, 10, 6),
    deadline=date(2026, 11, 30),
    value_minor=None,
    currency="usd",
    confidence=0.98,
    rule_version="2026-11-01",
    explanation={"open": 3},
)


def settled(claim: Claim, reason: str, quantity: int | None = None) -> Loss:
    """What detection says of the claim's loss, or of some of its units, once they are not owed."""
    return Loss(
        key=claim.key,
        claim_type=claim.claim_type,
        fnsku=claim.fnsku,
        order_id=claim.order_id,
        reference_id=claim.reference_id,
        quantity=quantity or claim.quantity,
        event_date=claim.event_date,
        reason=reason,
    )


async def find(
    service: Service, *found: Claim | Loss, user_id: str = ADA, sync: str = "syn_1"
) -> None:
    """What a sync does first with what detection found; cases follow in a step of their own."""
    findings = Findings(
        claims=[one for one in found if isinstance(one, Claim)],
        losses=[one for one in found if isinstance(one, Loss)],
    )
    read = await service.rows(
        "SELECT 1 FROM report_documents WHERE user_id = :user AND archived_as IS NOT NULL",
        user=user_id,
    )
    await record_findings(
        service.sessions,
        findings,
        user_id=user_id,
        marketplace_id="ATVPDKIKX0DER",
        sync_id=sync,
        documents=len(read),
    )


async def record(
    service: Service, *found: Claim | Loss, user_id: str = ADA, sync: str = "syn_1"
) -> None:
    """What a sync does with what detection found."""
    await find(service, *found, user_id=user_id, sync=sync)
    await record_cases(service.sessions, user_id=user_id, sync_id=sync)


async def cases_of(service: Service, user_id: str = ADA, **query: str) -> list[dict[str, Any]]:
    """The seller's own list."""
    async with service.as_user(user_id) as browser:
        answer = await browser.get("/api/cases", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def file_case(
    service: Service, case_id: str, amazon_case: str, user_id: str = ADA
) -> httpx.Response:
    """The seller says under which number he filed."""
    async with service.as_user(user_id) as browser:
        return await browser.post(f"/api/cases/{case_id}/filed", json={"amazonCaseId": amazon_case})
