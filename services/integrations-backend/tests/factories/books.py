"""A seller with filed cases, and the reimbursement reports that come in for him."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from factories.claims import CLAIM, cases_of, file_case, record
from factories.report_rows import Row, file_text, row
from service import ADA, Service

from integrations_backend.cases.recoveries import match_recoveries
from integrations_backend.reports.ingest import ingest_report
from integrations_backend.reports.kinds import REIMBURSEMENTS
from integrations_backend.reports.received import ReceivedReport
from opside_contracts.events import EVENT

CASE = "1234567890"


def paid(number: int = 1, amount: str = "37.02", units: int = 3, **changes: object) -> Row:
    values = {
        "reimbursement_id": f"7000{number}",
        "case_id": CASE,
        "amount_total": amount,
        "quantity_reimbursed_cash": units,
    }
    return row(REIMBURSEMENTS, **(values | changes))


def taken_back(number: int, of: int, amount: str, **changes: object) -> Row:
    original = {"original_reimbursement_id": f"7000{of}", "reason": "Reimbursement_Reversal"}
    return paid(number, amount, 0, **(original | changes))


class Books:
    """A seller with one filed case of three units, and the reports that come in."""

    def __init__(self, service: Service, folder: Path, user_id: str = ADA) -> None:
        self.service, self.folder, self.user_id = service, folder, user_id
        self.reports = 0

    async def file(self, amazon_case: str = CASE, key: str = "k") -> str:
        await record(self.service, replace(CLAIM, key=key), user_id=self.user_id)
        case = next(
            one for one in await cases_of(self.service, self.user_id) if one["status"] == "open"
        )
        answer = await file_case(self.service, case["caseId"], amazon_case, self.user_id)
        assert answer.status_code == 200, answer.text
        return str(case["caseId"])

    async def report(self, *rows: Row) -> int:
        """A reimbursement report is read and matched; answers how many ids were new."""
        await self.read(*rows)
        return await self.match()

    async def read(self, *rows: Row) -> None:
        self.reports += 1
        content = self.folder / f"{self.user_id}-{self.reports}"
        await asyncio.to_thread(content.write_text, file_text(REIMBURSEMENTS, rows))
        received = ReceivedReport(
            user_id=self.user_id,
            sync_id="syn_1",
            report_type=REIMBURSEMENTS,
            marketplace_id="ATVPDKIKX0DER",
            report_id=str(self.reports),
            document_id=f"doc-{self.reports}",
            content=content,
        )
        runtime = self.service.runtime
        ingested = await ingest_report(self.service.sessions, runtime.archive, received)
        assert ingested.rejected == 0

    async def match(self) -> int:
        return await match_recoveries(
            self.service.sessions,
            self.service.runtime.archive,
            user_id=self.user_id,
            now=self.service.runtime.clock(),
        )

    async def listed(self) -> list[dict[str, Any]]:
        async with self.service.as_user(self.user_id) as browser:
            answer = await browser.get("/api/recoveries", params={"limit": "100"})
        return list(answer.json()["items"])

    async def events(self) -> list[Any]:
        rows = await self.service.rows(
            "SELECT payload FROM outbox WHERE kind = 'publish_event' AND tenant = :user"
            " ORDER BY created_at, id",
            user=self.user_id,
        )
        found = [EVENT.validate_python(one["payload"]) for one in rows]
        return [one for one in found if one.type.startswith("recovery.")]

    async def status(self) -> str:
        (case,) = await cases_of(self.service, self.user_id)
        return str(case["status"])
