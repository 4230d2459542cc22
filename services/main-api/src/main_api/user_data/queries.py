"""All SQL about exports and erasures."""

from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from main_api.user_data.models import (
    AccountErasure,
    AccountExport,
    ErasureState,
    ExportStatus,
)

OPEN = (ErasureState.WAITING.value, ErasureState.RUNNING.value)


async def begin_export(session: AsyncSession, fresh: AccountExport) -> AccountExport:
    """The fresh one, or the one that is being collected."""
    values = {name: getattr(fresh, name) for name in ("id", "user_id", "status", "ordered_at")}
    await session.execute(insert(AccountExport).values(values).on_conflict_do_nothing())
    query = select(AccountExport).where(
        AccountExport.user_id == fresh.user_id,
        AccountExport.status == ExportStatus.COLLECTING.value,
    )
    return (await session.scalars(query)).one()


async def export_of(
    session: AsyncSession, export_id: str, *, lock: bool = False
) -> AccountExport | None:
    """An export, if this transaction's tenant may see it."""
    query = select(AccountExport).where(AccountExport.id == export_id)
    return (await session.scalars(query.with_for_update() if lock else query)).one_or_none()


async def exports_of(session: AsyncSession, user_id: str, *, limit: int) -> list[AccountExport]:
    """The user's exports, newest first."""
    query = select(AccountExport).where(AccountExport.user_id == user_id)
    return list(await session.scalars(query.order_by(AccountExport.id.desc()).limit(limit)))


async def overdue_exports(
    session: AsyncSession, *, now: datetime, given_up_before: datetime, limit: int
) -> list[AccountExport]:
    """Whose time is over, and those that were never finished; locked, of every tenant."""
    query = select(AccountExport).where(
        (AccountExport.status == ExportStatus.READY.value) & (AccountExport.delete_at < now)
        | (AccountExport.status == ExportStatus.COLLECTING.value)
        & (AccountExport.ordered_at < given_up_before)
    )
    return list(await session.scalars(query.limit(limit).with_for_update(skip_locked=True)))


async def open_erasure(
    session: AsyncSession, user_id: str, *, lock: bool = False
) -> AccountErasure | None:
    """The user's erasure that waits or runs."""
    query = select(AccountErasure).where(
        AccountErasure.user_id == user_id, AccountErasure.state.in_(OPEN)
    )
    return (await session.scalars(query.with_for_update() if lock else query)).one_or_none()


async def erasure_by_id(
    session: AsyncSession, erasure_id: str, *, lock: bool = False
) -> AccountErasure:
    """An erasure that there is: no right of ours deletes one."""
    query = select(AccountErasure).where(AccountErasure.id == erasure_id)
    return (await session.scalars(query.with_for_update() if lock else query)).one()


async def begin_erasure(session: AsyncSession, fresh: AccountErasure) -> AccountErasure:
    """The fresh one, or the one that is open already."""
    names = ("id", "user_id", "state", "ordered_by", "ordered_at", "starts_at")
    values = {name: getattr(fresh, name) for name in names}
    await session.execute(insert(AccountErasure).values(values).on_conflict_do_nothing())
    query = select(AccountErasure).where(
        AccountErasure.user_id == fresh.user_id, AccountErasure.state.in_(OPEN)
    )
    return (await session.scalars(query)).one()


async def documents_of(session: AsyncSession, user_id: str) -> list[tuple[str, str, str, int]]:
    """Id, checksum, name and size in bytes of every document that the user handed over."""
    query = text(
        "SELECT id, sha256, file_name, size_bytes FROM evidence_documents"
        " WHERE user_id = :user_id ORDER BY id"
    )
    found = await session.execute(query, {"user_id": user_id})
    return [(row.id, row.sha256, row.file_name, row.size_bytes) for row in found]


_UNFINISHED = text(
    """
    SELECT (SELECT count(*) FROM recoveries r WHERE r.user_id = :user_id AND r.billable
               AND r.not_charged_reason IS NULL AND r.transaction_id IS NULL) AS unasked,
           (SELECT count(*) FROM outbox o WHERE o.tenant = :user_id
               AND o.status IN ('waiting', 'leased', 'parked') AND o.kind = ANY(:kinds)) AS jobs,
           (SELECT count(*) FROM inbox i WHERE i.payload->>'userId' = :user_id
               AND i.status = 'received') AS events
    """
)


async def unfinished(
    session: AsyncSession, user_id: str, *, kinds: list[str]
) -> tuple[int, int, int]:
    """Fees that are not asked for yet, jobs of these kinds that are not done, news not applied yet."""
    row = (await session.execute(_UNFINISHED, {"user_id": user_id, "kinds": kinds})).one()
    return row.unasked, row.jobs, row.events
