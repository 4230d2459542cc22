"""Detect over a folder of report files, without an account: the same reader, archive and rules.

`account.json` in the folder may say `marketplaceId` and `asOf`, `costs.json` what units cost. Files are
read in the order of their names; where two hold the same row, the later one counts, so names that begin
with a date sort well.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from integrations_backend.archive import Archive, Document
from integrations_backend.detection.detect import detect
from integrations_backend.detection.facts import UnitCost
from integrations_backend.detection.findings import Findings
from integrations_backend.detection.run import facts_of
from integrations_backend.reports.errors import UnreadableReport
from integrations_backend.reports.kinds import KINDS
from integrations_backend.reports.layout import kind_of
from integrations_backend.reports.marketplaces import Marketplace, marketplace
from integrations_backend.reports.partitions import write_rows

FILE_ENDINGS = frozenset({".txt", ".tsv", ".csv"})
_OWNER = "folder"


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What became of one file; `report_type` None: it was left out, and why."""

    name: str
    report_type: str | None
    rows: int = 0
    rejected: int = 0
    left_out_because: str | None = None


@dataclass(frozen=True, slots=True)
class Audit:
    """What was read and what was found in it."""

    store: Marketplace
    as_of: date
    files: tuple[ReadFile, ...]
    findings: Findings

    @property
    def not_read(self) -> list[str]:
        """Report types that the folder lacks: what rests on them was not looked at."""
        return sorted(set(KINDS) - {one.report_type for one in self.files})


def account_of(folder: Path) -> dict[str, Any]:
    """What the folder says of its account; empty where it says nothing."""
    path = folder / "account.json"
    known: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return known


def costs_of(folder: Path) -> dict[str, tuple[UnitCost, ...]]:
    """The seller's costs by SKU, of `costs.json` as `PUT /api/costs` takes them; empty without."""
    path = folder / "costs.json"
    found: dict[str, tuple[UnitCost, ...]] = {}
    for one in json.loads(path.read_text("utf-8")) if path.exists() else ():
        cost = UnitCost(
            minor=one["unitCostCents"],
            currency=one["currency"].lower(),
            effective=date.fromisoformat(one["effectiveDate"]),
            document=one["sourceDocument"],
        )
        found[one["sku"]] = (*found.get(one["sku"], ()), cost)
    return found


def audit_folder(folder: Path, *, marketplace_id: str, as_of: date) -> Audit:
    """Read every report file of the folder and run every rule.

    Raises:
        KeyError: a marketplace that we do not know.
    """
    store = marketplace(marketplace_id)
    with tempfile.TemporaryDirectory(prefix="opside-folder-") as place:
        archive = Archive.open(place)
        files = tuple(_read(archive, path, store, number) for number, path in _files(folder))
        facts = facts_of(archive, user_id=_OWNER, store=store, as_of=as_of, costs=costs_of(folder))
        return Audit(store, as_of, files, detect(facts))


def _files(folder: Path) -> Iterator[tuple[int, Path]]:
    return enumerate(sorted(one for one in folder.iterdir() if one.suffix in FILE_ENDINGS))


def _read(archive: Archive, path: Path, store: Marketplace, number: int) -> ReadFile:
    try:
        kind = kind_of(path)
        with tempfile.TemporaryDirectory(prefix="opside-rows-") as rows:
            written = write_rows(path, kind, Path(rows), store=store)
            document = Document(path.name, number)
            archive.keep(written, user_id=_OWNER, document=document, packed=None)
    except UnreadableReport as error:
        return ReadFile(path.name, None, left_out_because=error.detail)
    return ReadFile(path.name, kind.report_type, written.rows, written.rejected)
