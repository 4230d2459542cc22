"""Read a transaction's audit trail, and whether its chain is unbroken."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, text

from opside_chassis.database import Sessions, transaction
from opside_chassis.wire import AnswerModel
from stripe_payments.audit.models import AuditEntry


class AuditLine(AnswerModel):
    """One change."""

    version: int
    from_state: str | None
    to_state: str
    figures: dict[str, Any]
    actor: str
    at: datetime
    hash: str


class AuditTrail(AnswerModel):
    """All changes of one transaction, oldest first."""

    transaction_id: str
    unbroken: bool
    entries: list[AuditLine]


async def read_trail(sessions: Sessions, *, tenant: str, transaction_id: str) -> AuditTrail:
    """The trail as the tenant may see it; an empty one for somebody else's transaction."""
    async with transaction(sessions, tenant=tenant) as session:
        query = select(AuditEntry).where(AuditEntry.object_id == transaction_id)
        rows = list(await session.scalars(query.order_by(AuditEntry.id)))
        broken = (
            await session.execute(
                text("SELECT count(*) FROM broken_audit_links(:id)"), {"id": transaction_id}
            )
        ).scalar_one()
    return AuditTrail(
        transaction_id=transaction_id,
        unbroken=broken == 0,
        entries=[
            AuditLine(
                version=row.version,
                from_state=row.from_state,
                to_state=row.to_state,
                figures=row.figures,
                actor=row.actor,
                at=row.at,
                hash=row.hash,
            )
            for row in rows
        ],
    )
