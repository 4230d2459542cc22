"""Read a transaction's audit trail, and whether its chain is unbroken."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.wire import AnswerModel
from stripe_payments.audit.models import AuditEntry
from stripe_payments.roles import AUDITOR


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
    async with transaction(sessions, tenant=tenant, role=AUDITOR) as session:
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


async def broken_objects_of(session: AsyncSession, user_id: str) -> list[str]:
    """Transactions and clawbacks of a user whose chain of hashes does not hold."""
    query = text(
        "SELECT DISTINCT a.object_id FROM transaction_audit a WHERE a.user_id = :user_id"
        " AND EXISTS (SELECT 1 FROM broken_audit_links(a.object_id)) ORDER BY 1"
    )
    return list((await session.execute(query, {"user_id": user_id})).scalars())


class ChainsChecked(AnswerModel):
    """The result of checking every chain."""

    objects: int
    entries: int
    broken: list[str]
    silent: list[str]
    """Rows whose newest entry does not say what the row says: changed past the triggers."""


async def verify_chains(sessions: Sessions) -> ChainsChecked:
    """Recompute every hash of the audit trail, and hold each newest entry against its row."""
    # Every tenant: the auditor checks the whole house.
    async with transaction(sessions, tenant=EVERY_TENANT, role=AUDITOR) as session:
        counts = (
            await session.execute(
                text(
                    "SELECT count(DISTINCT object_id) AS objects, count(*) AS entries"
                    " FROM transaction_audit"
                )
            )
        ).one()
        broken = (await session.execute(text(_BROKEN))).scalars()
        silent = (await session.execute(text(_SILENT))).scalars()
        return ChainsChecked(
            objects=counts.objects,
            entries=counts.entries,
            broken=list(broken),
            silent=list(silent),
        )


_BROKEN = """
    SELECT o.object_id FROM (SELECT DISTINCT object_id FROM transaction_audit) o
     WHERE EXISTS (SELECT 1 FROM broken_audit_links(o.object_id)) ORDER BY 1
"""
_SILENT = """
    SELECT r.id FROM (SELECT id, version, state FROM commissions
                      UNION ALL SELECT id, version, state FROM clawbacks) r
      LEFT JOIN LATERAL (SELECT a.version, a.to_state FROM transaction_audit a
                          WHERE a.object_id = r.id ORDER BY a.id DESC LIMIT 1) newest ON true
     WHERE newest.version IS DISTINCT FROM r.version OR newest.to_state IS DISTINCT FROM r.state
     ORDER BY 1
"""
