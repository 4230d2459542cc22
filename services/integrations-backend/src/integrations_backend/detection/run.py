"""Detect one seller's claims from everything that was read for him so far."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl

from integrations_backend.archive import Archive
from integrations_backend.detection.answered import answers_of
from integrations_backend.detection.detect import detect
from integrations_backend.detection.facts import Facts, UnitCost
from integrations_backend.detection.findings import Findings
from integrations_backend.detection.policy import current_policy
from integrations_backend.reports.kinds import KINDS, REIMBURSEMENTS
from integrations_backend.reports.marketplaces import Marketplace, marketplace

NO_COSTS: Mapping[str, tuple[UnitCost, ...]] = {}
NOTHING_FILED: Mapping[str, str] = {}


async def detect_for_user(
    archive: Archive,
    *,
    user_id: str,
    marketplace_id: str,
    now: datetime,
    costs: Mapping[str, tuple[UnitCost, ...]] = NO_COSTS,
    filed: Mapping[str, str] = NOTHING_FILED,
) -> Findings:
    """Run every rule over everything that was read for a seller so far; stores nothing."""
    store = marketplace(marketplace_id)

    def run() -> Findings:
        return detect(
            facts_of(
                archive, user_id=user_id, store=store, as_of=now.date(), costs=costs, filed=filed
            )
        )

    return await asyncio.to_thread(run)


@dataclass(frozen=True, slots=True)
class LoadedRows(Mapping[str, pl.DataFrame]):
    """Rows by report type; those of a type are loaded when they are first asked for."""

    scans: Mapping[str, pl.LazyFrame]
    _loaded: dict[str, pl.DataFrame] = field(default_factory=dict)

    def __getitem__(self, report_type: str) -> pl.DataFrame:
        if report_type not in self._loaded:
            self._loaded[report_type] = self.scans[report_type].collect(engine="streaming")
        return self._loaded[report_type]

    def __iter__(self) -> Iterator[str]:
        return iter(self.scans)

    def __len__(self) -> int:
        return len(self.scans)

    def __contains__(self, report_type: object) -> bool:
        return report_type in self.scans


def facts_of(
    archive: Archive,
    *,
    user_id: str,
    store: Marketplace,
    as_of: date,
    costs: Mapping[str, tuple[UnitCost, ...]] = NO_COSTS,
    filed: Mapping[str, str] = NOTHING_FILED,
) -> Facts:
    """Everything that was read for a seller; a report type that never was is absent.

    `filed` has the keys of his claims about money by the case id under which they were filed.
    """
    found = {kind: archive.scan(user_id, kind) for kind in KINDS}
    scans = {kind: rows for kind, rows in found.items() if rows is not None}
    paid: Mapping[str, int] = {}
    if filed and REIMBURSEMENTS in scans:
        answers = answers_of(scans[REIMBURSEMENTS].collect(), filed)
        scans[REIMBURSEMENTS], paid = answers.others.lazy(), answers.paid
    return Facts(
        rows=LoadedRows(scans),
        store=store,
        policy=current_policy(),
        as_of=as_of,
        scans=scans,
        costs=costs,
        answers=paid,
    )
