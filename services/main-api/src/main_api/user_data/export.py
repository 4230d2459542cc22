"""Collect everything that the product holds about a user into one ZIP file."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from main_api.archive import EvidenceArchive
from main_api.user_data import queries
from main_api.user_data.export_folder import ExportFolder, TableFiles
from main_api.user_data.models import AccountExport, ExportStatus
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import RetryLater, StagedJob, fence
from opside_chassis.user_data import Holding, TableShown

KEPT = timedelta(days=7)
"""A copy of everything is a risk of its own: it does not lie about."""
RUN_SECONDS = 8.0
"""A run ends well before a job is stopped; the next one goes on where it ended."""
ROWS_AT_ONCE = 200


class Source(Protocol):
    """A service that gives out what it holds about a user."""

    async def holding(self, user_id: str) -> Holding:
        """What there is."""
        ...

    def rows(self, user_id: str, table: str) -> AsyncIterator[dict[str, Any]]:
        """The rows of a table."""
        ...

    def file(self, user_id: str, key: str) -> AsyncIterator[bytes]:
        """The parts of a document."""
        ...


def folder_of(archive: EvidenceArchive, user_id: str, export_id: str) -> ExportFolder:
    """In the seller's own folder: it goes with him."""
    return ExportFolder(archive.seller_folder(user_id) / "exports", export_id)


@dataclass(frozen=True, slots=True)
class Exporter:
    """Collects from every service; `sources` by service."""

    sessions: Sessions
    archive: EvidenceArchive
    sources: Mapping[str, Source]
    clock: Clock

    async def run(self, job: StagedJob) -> None:
        """One run of the job; again until it is ready.

        Raises:
            RetryLater: there is more to do.
            Unavailable: a service is away; tried again.
        """
        export_id, user_id = str(job.payload["exportId"]), job.tenant or ""
        export = await self._collecting(user_id, export_id)
        if export is None:
            return
        if not await self.collect(export, seconds=RUN_SECONDS):
            raise RetryLater(0.1, "there is more to collect")
        await self.make_ready(export, job)

    async def collect(self, export: AccountExport, *, seconds: float | None = None) -> bool:
        """Collect for so long, and pack when all is there; False: there is more to do."""
        folder = folder_of(self.archive, export.user_id, export.id)
        if folder.zip_file.exists():
            return True
        ends_at = time.monotonic() + seconds if seconds is not None else None
        tables: dict[str, str] = {}
        for service, source in self.sources.items():
            held = await source.holding(export.user_id)
            for table in held.tables:
                name = f"{service}/{table.name}"
                tables[name] = table.about
                if not folder.has(f"{name}.json"):
                    if ends_at is not None and time.monotonic() > ends_at:
                        return False
                    await self._table(folder, source, export.user_id, (name, table))
            for one in held.files:
                key = one.key.removeprefix(f"{export.user_id}/")
                name = f"documents/{service}/{key}"
                if not folder.has(name):
                    if ends_at is not None and time.monotonic() > ends_at:
                        return False
                    await self._document(folder, source.file(export.user_id, one.key), name)
        about = {
            "export": export.id,
            "user": export.user_id,
            "orderedAt": export.ordered_at.isoformat(),
            "note": "JSON files are exact; in CSV files, text that a spreadsheet would take for a"
            " formula begins with an apostrophe.",
        }
        await asyncio.to_thread(folder.pack, about, tables)
        return True

    async def make_ready(self, export: AccountExport, job: StagedJob | None = None) -> None:
        """Say that it can be fetched."""
        folder = folder_of(self.archive, export.user_id, export.id)
        size, sha256 = await asyncio.to_thread(folder.seal)
        now = self.clock()
        async with transaction(self.sessions, tenant=export.user_id) as session:
            if job is not None:
                await fence(session, job)
            row = await queries.export_of(session, export.id, lock=True)
            if row is not None and row.status == ExportStatus.COLLECTING.value:
                row.status = ExportStatus.READY.value
                row.ready_at, row.delete_at = now, now + KEPT
                row.size_bytes, row.sha256 = size, sha256

    async def _collecting(self, user_id: str, export_id: str) -> AccountExport | None:
        async with transaction(self.sessions, tenant=user_id) as session:
            row = await queries.export_of(session, export_id)
        return row if row is not None and row.status == ExportStatus.COLLECTING.value else None

    async def _table(
        self, folder: ExportFolder, source: Source, user_id: str, what: tuple[str, TableShown]
    ) -> None:
        name, table = what
        files = await asyncio.to_thread(TableFiles.begin, folder, name, table.columns)
        try:
            batch: list[dict[str, Any]] = []
            async for row in source.rows(user_id, table.name):
                batch.append(row)
                if len(batch) == ROWS_AT_ONCE:
                    await asyncio.to_thread(files.add, batch)
                    batch = []
            await asyncio.to_thread(files.add, batch)
        except BaseException:
            files.give_up()
            raise
        await asyncio.to_thread(files.finish)

    async def _document(self, folder: ExportFolder, parts: AsyncIterator[bytes], name: str) -> None:
        file = await asyncio.to_thread(folder.open, name)
        try:
            async for part in parts:
                await asyncio.to_thread(file.write, [part])
        except BaseException:
            file.give_up()
            raise
        await asyncio.to_thread(file.finish)
