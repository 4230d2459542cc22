"""A seller at the door with papers in his hand: what the tests of evidence and filings do again and again."""

import io
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
from door import Door, bearer
from fakes.integrations_fake import FakeIntegrations
from reportlab.pdfgen.canvas import Canvas
from sqlalchemy import text

from main_api.accounts.cases import open_case_for_job
from main_api.sessions.models import BrowserSession
from main_api.worker import handlers
from opside_chassis.database import EVERY_TENANT, transaction
from opside_chassis.jobs import Workshop, drain


def pdf(*lines: str, pages: int = 1) -> bytes:
    """A PDF with this text on each page."""
    content = io.BytesIO()
    canvas = Canvas(content, invariant=True)
    for _ in range(pages):
        for place, line in enumerate(lines or ("Invoice 4711",)):
            canvas.drawString(72, 760 - 14 * place, line)
        canvas.showPage()
    canvas.save()
    return content.getvalue()


@dataclass
class Seller:
    """Somebody with a bearer token of his own; `work` runs everybody's jobs."""

    door: Door
    integrations: FakeIntegrations
    user_id: str
    http: httpx.AsyncClient

    async def upload(
        self, content: bytes, name: str = "invoice.pdf", **form: str
    ) -> httpx.Response:
        """Hand a file over."""
        files = {"file": (name, content, "application/octet-stream")}
        return await self.http.post("/api/evidence", files=files, data=form)

    async def uploaded(self, content: bytes | None = None, **form: Any) -> str:
        """The id of a document that was taken."""
        answer = await self.upload(pdf() if content is None else content, **form)
        assert answer.status_code == 201, answer.text
        evidence_id: str = answer.json()["evidenceId"]
        return evidence_id

    async def typed(self, evidence_id: str, *fields: tuple[int, str, str | None]) -> httpx.Response:
        """Type what a document says: line, name, value."""
        body = {"fields": [{"lineNo": n, "name": name, "value": v} for n, name, v in fields]}
        return await self.http.patch(f"/api/evidence/{evidence_id}/fields", json=body)

    async def got(self, path: str, **query: Any) -> Any:
        """What a good GET answers."""
        answer = await self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def posted(self, path: str, body: object = None, *, status: int = 200) -> Any:
        """What a POST answers that must have this status."""
        answer = await self.http.post(path, json=body if body is not None else {})
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def work(self) -> None:
        """Run every job that waits."""
        kinds = handlers(self.door.runtime)
        workshop = Workshop(self.door.database.sessions, kinds, open_case_for_job)
        await drain(workshop, ignore_due=True)

    async def execute(self, statement: str, **values: object) -> list[dict[str, Any]]:
        """Look into the database, or change it under everybody's feet."""
        async with transaction(self.door.database.sessions, tenant=EVERY_TENANT) as session:
            result = await session.execute(text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []


async def seller_at(door: Door, integrations: FakeIntegrations, user_id: str) -> Seller:
    """A person with a session, who comes with a bearer token."""
    async with transaction(door.database.sessions, tenant=EVERY_TENANT) as session:
        await session.execute(
            text("INSERT INTO users VALUES (:id, :id, '', '', 'user')"), {"id": user_id}
        )
        session.add(
            BrowserSession(
                id=f"ses_{user_id}",
                user_id=user_id,
                csrf_token="unused-by-bearer-tokens",
                user_agent="",
                expires_at=door.clock.now + timedelta(days=365),
            )
        )
    token = door.user_token(user_id, session_id=f"ses_{user_id}")
    return Seller(door, integrations, user_id, door.client(headers=bearer(token)))
