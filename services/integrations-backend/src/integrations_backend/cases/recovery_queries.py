"""SQL over many reimbursements at once."""

from collections.abc import Collection, Sequence

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.cases.models import CaseRecovery, RefundEngineCase


async def hold_recoveries(session: AsyncSession, user_id: str) -> bool:
    """Until the end of the transaction nobody else allocates reimbursements of this user.

    False when somebody else does.
    """
    lock = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:key, 0))")
    return bool(await session.scalar(lock, {"key": f"recoveries:{user_id}"}))


async def known_among(session: AsyncSession, user_id: str, ids: Collection[str]) -> dict[str, str]:
    """Those that are allocated already, each with its case; empty text for none."""
    query = select(CaseRecovery.recovery_id, CaseRecovery.case_id).where(
        CaseRecovery.user_id == user_id, CaseRecovery.recovery_id.in_(ids)
    )
    return {row.recovery_id: row.case_id or "" for row in await session.execute(query)}


async def filed_among(session: AsyncSession, user_id: str, numbers: Collection[str]) -> set[str]:
    """Those of Amazon's case ids under which something was filed through us."""
    query = select(RefundEngineCase.amazon_case_id).where(
        RefundEngineCase.user_id == user_id, RefundEngineCase.amazon_case_id.in_(numbers)
    )
    return {number for number in await session.scalars(query) if number is not None}


async def add_recoveries(session: AsyncSession, rows: Sequence[CaseRecovery]) -> None:
    """Allocate reimbursements that belong to no case, together."""
    if not rows:
        return
    columns = CaseRecovery.__table__.columns
    names = [column.name for column in columns if column.name != "created_at"]
    values = [{name: getattr(row, name) for name in names} for row in rows]
    await session.execute(insert(CaseRecovery).on_conflict_do_nothing(), values)
