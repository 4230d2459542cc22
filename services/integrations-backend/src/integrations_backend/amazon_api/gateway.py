"""What we need of Amazon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from integrations_backend.grants import Grant


@dataclass(frozen=True, slots=True)
class ReportState:
    """Where a requested report is; DONE has a document, CANCELLED also means "no data".

    `created` is when it was asked for, by Amazon's clock; `start` where its period begins.
    """

    report_id: str
    status: str
    document_id: str | None
    created: datetime | None = None
    start: datetime | None = None


class Amazon(Protocol):
    """Errors: see `amazon_api.errors`. Nothing here may run inside a transaction."""

    def of(self, seller: str) -> "Amazon":
        """The same Amazon, keeping to this seller's usage plans: calls may raise `Throttled`."""
        ...

    def consent_url(self, state: str) -> str:
        """Where a seller connects his account."""
        ...

    async def exchange(self, code: str) -> Grant:
        """A consent code for tokens, once."""
        ...

    async def refresh(self, refresh_token: str) -> Grant:
        """A fresh access token; the refresh token in the answer replaces the old one."""
        ...

    async def marketplaces(self, access_token: str) -> Sequence[str]:
        """Ids of the marketplaces that the seller takes part in: proof that the grant works."""
        ...

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
        """Ask for a report from `start` until `end`, or until Amazon's own now; answers its id.

        `options` are what a report type must be told besides, by Amazon's names.
        """
        ...

    async def report(self, access_token: str, report_id: str) -> ReportState:
        """Where it is."""
        ...

    async def finished_reports(
        self, access_token: str, *, report_type: str, since: datetime
    ) -> Sequence[ReportState]:
        """Reports that Amazon made by itself."""
        ...

    async def asked_reports(
        self, access_token: str, *, report_type: str, since: datetime
    ) -> Sequence[ReportState]:
        """Reports of a type that were asked for since then, finished or not, newest first."""
        ...

    async def download(self, access_token: str, document_id: str, target: Path) -> str | None:
        """Write the unpacked document to `target`; answers its charset if Amazon says one."""
        ...
