"""main-api's own side of export and erasure; the other services' sides are asked over HTTP."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from main_api.archive import EvidenceArchive
from main_api.recoveries.confirm import REQUEST_COMMISSION
from main_api.recoveries.reverse import REQUEST_CLAWBACK
from main_api.user_data import queries
from main_api.user_data.declared import USER_TABLES
from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import NotFound
from opside_chassis.user_data import (
    FileShown,
    Holding,
    UserTable,
    erase_rows,
    given_out,
    holding,
    rows_of,
)

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME_CHARS = 100
_PART_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class OwnKeeper:
    """Implements `opside_chassis.user_data.Keeper`, and gives out as a client of a neighbour does."""

    sessions: Sessions
    archive: EvidenceArchive
    tables: Sequence[UserTable] = USER_TABLES
    reading_role: str | None = None

    async def holding(self, user_id: str) -> Holding:
        """What there is to be exported."""
        return await holding(self, user_id)

    async def rows(self, user_id: str, table: str) -> AsyncIterator[dict[str, Any]]:
        """The user's rows of a table."""
        async for row in rows_of(self, user_id, given_out(self.tables, table)):
            yield json.loads(row)

    async def file(self, user_id: str, key: str) -> AsyncIterator[bytes]:
        """The parts of a stored document."""
        async for part in await self.open_file(user_id, key):
            yield part

    async def files(self, user_id: str) -> Sequence[FileShown]:
        """The documents that he handed over."""
        async with transaction(self.sessions, tenant=user_id) as session:
            found = await queries.documents_of(session, user_id)
        return [FileShown(key=_key(one, name), size_bytes=size) for one, _, name, size in found]

    async def open_file(self, user_id: str, key: str) -> AsyncIterator[bytes]:
        """One of these; raises `NotFound`."""
        async with transaction(self.sessions, tenant=user_id) as session:
            found = await queries.documents_of(session, user_id)
        for one, sha256, name, _ in found:
            if _key(one, name) == key:
                return self._parts(user_id, sha256)
        raise NotFound("there is no such document")

    async def _parts(self, user_id: str, sha256: str) -> AsyncIterator[bytes]:
        with self.archive.place(user_id=user_id, sha256=sha256).open("rb") as file:
            while part := await asyncio.to_thread(file.read, _PART_BYTES):
                yield part

    async def held(self, user_id: str) -> list[str]:
        """What must be done first, in words for the user."""
        kinds = [REQUEST_COMMISSION, REQUEST_CLAWBACK]
        async with transaction(self.sessions, tenant=user_id) as session:
            unasked, jobs, events = await queries.unfinished(session, user_id, kinds=kinds)
        reasons = {
            "fees in review, under objection, or about to be asked for": unasked,
            "fees that are being asked for or given back": jobs,
            "news about your account that is not applied yet": events,
        }
        return [f"{reason}: {count}" for reason, count in reasons.items() if count]

    async def erase(self, user_id: str) -> None:
        """Rows first, then everything in the archive."""
        async with transaction(self.sessions, tenant=user_id) as session:
            await erase_rows(session, USER_TABLES, user_id)
        folder = self.archive.seller_folder(user_id)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        if folder.exists():
            raise OSError("a folder of an erased user could not be removed")


def _key(document_id: str, file_name: str) -> str:
    """Names come from sellers: in an archive file they must neither climb nor collide."""
    return f"{document_id}-{_UNFIT.sub('_', file_name)[-_LONGEST_NAME_CHARS:].lstrip('.')}"
