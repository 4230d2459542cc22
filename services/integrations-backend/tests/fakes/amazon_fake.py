"""An Amazon in memory, passed in where the service expects one. It refuses to be called in a transaction."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from integrations_backend.amazon_api.errors import GrantRefused
from integrations_backend.amazon_api.gateway import Amazon, ReportState
from integrations_backend.grants import Grant
from opside_chassis.database import refuse_open_transaction

US_STORE = "ATVPDKIKX0DER"
HOUR_SECONDS = 3_600


class Crash(BaseException):
    """The process dies here: nothing of ours may catch it."""


@dataclass
class FakeAmazon:
    """Codes and refresh tokens work until they are withdrawn; `fail` breaks the next calls of a name."""

    stores: Sequence[str] = (US_STORE,)
    documents: dict[str, bytes] = field(default_factory=dict)
    """Report type -> its file; a type without one is CANCELLED, as Amazon says "no data"."""
    unfinished: set[str] = field(default_factory=set)
    """Report types that stay IN_PROGRESS."""
    fail: dict[str, list[BaseException]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    used_codes: set[str] = field(default_factory=set)
    withdrawn: bool = False
    pause_seconds: float = 0.0
    grants: int = 0
    now: datetime | None = None
    ends: dict[str, datetime | None] = field(default_factory=dict)
    """Report type -> the end that was asked for."""
    starts: dict[str, datetime] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """Ids of the reports that were asked for."""
    fatal: set[str] = field(default_factory=set)
    """Report types that end FATAL."""
    broken: dict[str, Exception] = field(default_factory=dict)
    """Report type -> how every download of its document fails."""
    slow: dict[str, asyncio.Event] = field(default_factory=dict)
    """Report type -> what its download waits for."""

    async def _point(self, name: str) -> None:
        refuse_open_transaction()
        self.calls.append(name)
        await asyncio.sleep(self.pause_seconds)
        if waiting := self.fail.get(name, []):
            raise waiting.pop(0)

    def of(self, seller: str) -> "FakeAmazon":
        assert seller
        return self

    def consent_url(self, state: str) -> str:
        return f"https://seller.example/consent?state={state}"

    def _grant(self) -> Grant:
        if self.withdrawn:
            raise GrantRefused
        self.grants += 1
        return Grant(f"access-{self.grants}", f"refresh-{self.grants}", HOUR_SECONDS)

    async def exchange(self, code: str) -> Grant:
        await self._point("exchange")
        if code in self.used_codes:
            raise GrantRefused
        self.used_codes.add(code)
        return self._grant()

    async def refresh(self, refresh_token: str) -> Grant:
        await self._point("refresh")
        assert refresh_token.startswith("refresh-")
        return self._grant()

    async def marketplaces(self, access_token: str) -> Sequence[str]:
        await self._point("marketplaces")
        return self.stores

    async def create_report(
        self,
        access_token: str,
        *,
        report_type: str,
        marketplace_id: str,
        start: datetime,
        end: datetime | None,
        options: Mapping[str, str],
    ) -> str:
        await self._point("create_report")
        self.starts[report_type], self.ends[report_type] = start, end
        report_id = f"{report_type}:{self.calls.count('create_report')}"
        self.asked.append(report_id)
        await self._point("created_report")
        return report_id

    async def report(self, access_token: str, report_id: str) -> ReportState:
        await self._point("report")
        kind = report_id.partition(":")[0]
        if kind in self.unfinished:
            return ReportState(report_id, "IN_PROGRESS", None, self.now)
        if kind in self.fatal:
            return ReportState(report_id, "FATAL", None, self.now)
        if kind not in self.documents:
            return ReportState(report_id, "CANCELLED", None, self.now)
        return ReportState(report_id, "DONE", f"doc:{report_id}", self.now)

    async def finished_reports(
        self, access_token: str, *, report_type: str, since: datetime
    ) -> Sequence[ReportState]:
        await self._point("finished_reports")
        if report_type not in self.documents:
            return []
        return [ReportState(f"{report_type}:0", "DONE", f"doc:{report_type}:0")]

    async def asked_reports(
        self, access_token: str, *, report_type: str, since: datetime
    ) -> Sequence[ReportState]:
        await self._point("asked_reports")
        ids = [one for one in self.asked if one.partition(":")[0] == report_type]
        start = self.starts[report_type].replace(microsecond=0) if ids else None
        return [ReportState(one, "IN_PROGRESS", None, start=start) for one in reversed(ids)]

    async def download(self, access_token: str, document_id: str, target: Path) -> str | None:
        await self._point("download")
        kind = document_id.split(":")[1]
        if kind in self.broken:
            raise self.broken[kind]
        if kind in self.slow:
            await self.slow[kind].wait()
        await asyncio.to_thread(target.write_bytes, self.documents[kind])
        return None


Before = Callable[[str, str], Awaitable[None]]
"""Called with the operation's name and "before" or "after"."""


@dataclass
class WatchedAmazon:
    """Another Amazon, with a look at every call: to count, to check, to die there."""

    inner: Amazon
    look: Before

    def of(self, seller: str) -> "WatchedAmazon":
        return WatchedAmazon(self.inner.of(seller), self.look)

    def consent_url(self, state: str) -> str:
        return self.inner.consent_url(state)

    async def exchange(self, code: str) -> Grant:
        await self.look("exchange", "before")
        return await self._after("exchange", await self.inner.exchange(code))

    async def refresh(self, refresh_token: str) -> Grant:
        await self.look("refresh", "before")
        return await self._after("refresh", await self.inner.refresh(refresh_token))

    async def marketplaces(self, access_token: str) -> Sequence[str]:
        return await self.inner.marketplaces(access_token)

    async def create_report(
        self,
        access_token: str,
        *,
        report_type: str,
        marketplace_id: str,
        start: datetime,
        end: datetime | None,
        options: Mapping[str, str],
    ) -> str:
        await self.look("create_report", "before")
        made = await self.inner.create_report(
            access_token,
            report_type=report_type,
            marketplace_id=marketplace_id,
            start=start,
            end=end,
            options=options,
        )
        return await self._after("create_report", made)

    async def report(self, access_token: str, report_id: str) -> ReportState:
        await self.look("report", "before")
        return await self._after("report", await self.inner.report(access_token, report_id))

    async def finished_reports(
        self, access_token: str, *, report_type: str, since: datetime
    ) -> Sequence[ReportState]:
        await self.look("finished_reports", "before")
        found = await self.inner.finished_reports(
            access_token, report_type=report_type, since=since
        )
        return await self._after("finished_reports", found)

    async def asked_reports(
        self, access_token: str, *, report_type: str, since: datetime
    ) -> Sequence[ReportState]:
        await self.look("asked_reports", "before")
        found = await self.inner.asked_reports(access_token, report_type=report_type, since=since)
        return await self._after("asked_reports", found)

    async def download(self, access_token: str, document_id: str, target: Path) -> str | None:
        await self.look("download", "before")
        charset = await self.inner.download(access_token, document_id, target)
        return await self._after("download", charset)

    async def _after(self, name: str, answer: Any) -> Any:
        await self.look(name, "after")
        return answer
