"""A user's own report files in place of the generator, known by their header line."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from opside_sandbox.amazon.reports.registry import SETTLEMENT
from opside_sandbox.state import SandboxState

_CHUNK_BYTES = 1 << 16
_MARKS: tuple[tuple[str, frozenset[str]], ...] = (
    (f"{SETTLEMENT}_V2", frozenset({"settlementid", "amounttype", "amountdescription"})),
    (SETTLEMENT, frozenset({"settlementid", "totalamount", "transactiontype"})),
    ("GET_LEDGER_DETAIL_VIEW_DATA", frozenset({"eventtype", "referenceid", "disposition"})),
    ("GET_FBA_REIMBURSEMENTS_DATA", frozenset({"reimbursementid", "amounttotal"})),
    ("GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA", frozenset({"returndate", "licenseplatenumber"})),
    (
        "GET_FBA_FULFILLMENT_REMOVAL_ORDER_DETAIL_DATA",
        frozenset({"requestedquantity", "cancelledquantity"}),
    ),
    (
        "GET_FBA_FULFILLMENT_REMOVAL_SHIPMENT_DETAIL_DATA",
        frozenset({"trackingnumber", "removalordertype"}),
    ),
    (
        "GET_FBA_FULFILLMENT_CUSTOMER_SHIPMENT_REPLACEMENT_DATA",
        frozenset({"replacementamazonorderid"}),
    ),
    ("GET_FBA_FULFILLMENT_CUSTOMER_SHIPMENT_SALES_DATA", frozenset({"itempriceperunit"})),
    ("GET_FBA_ESTIMATED_FBA_FEES_TXT_DATA", frozenset({"estimatedreferralfeeperunit"})),
    ("GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA", frozenset({"afnwarehousequantity"})),
    ("GET_FBA_FULFILLMENT_INBOUND_NONCOMPLIANCE_DATA", frozenset({"problemquantity"})),
)
"""Report type -> folded column names that tell it."""


@dataclass(frozen=True, slots=True)
class SettlementFile:
    """A settlement file with its own period."""

    name: str
    report_type: str
    start: datetime
    end: datetime


def _fold(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())


def _head(path: Path) -> list[list[str]]:
    with path.open("rb") as file:
        lines = [file.readline(_CHUNK_BYTES) for _ in range(2)]
    texts = [line.decode("utf-8-sig", "replace").strip("\r\n") for line in lines]
    return [[cell.strip().strip('"') for cell in text.split("\t")] for text in texts]


def _type_of(columns: list[str]) -> str | None:
    names = {_fold(one) for one in columns}
    return next((kind for kind, marks in _MARKS if marks <= names), None)


def _files(state: SandboxState) -> list[Path]:
    folder = state.settings.amazon_pace.reports_folder
    if folder is None:
        return []
    return sorted(one for one in folder.iterdir() if one.suffix in {".txt", ".tsv", ".csv"})


def _moment(text: str) -> datetime:
    """ISO 8601, or one of the two forms that end in UTC (facts, section 3)."""
    if not text.endswith(" UTC"):
        return datetime.fromisoformat(text)
    form = "%d.%m.%Y %H:%M:%S UTC" if text[2:3] == "." else "%Y-%m-%d %H:%M:%S UTC"
    return datetime.strptime(text, form).replace(tzinfo=UTC)


def settlement_files(state: SandboxState) -> list[SettlementFile]:
    """Every settlement file of the folder, oldest period first."""
    found = []
    for path in _files(state):
        columns, first = _head(path)
        kind = _type_of(columns)
        if kind is None or not kind.startswith(SETTLEMENT):
            continue
        row = dict(zip((_fold(one) for one in columns), first, strict=False))
        start = _moment(row["settlementstartdate"])
        end = _moment(row["settlementenddate"])
        found.append(SettlementFile(path.name, kind, start, end))
    return sorted(found, key=lambda one: (one.start, one.name))


def path_of(state: SandboxState, name: str) -> Path | None:
    """A file of the folder by its name."""
    return next((one for one in _files(state) if one.name == name), None)


def file_of_type(state: SandboxState, report_type: str) -> Path | None:
    """The last file of a type that can be asked for."""
    found = [one for one in _files(state) if _type_of(_head(one)[0]) == report_type]
    return found[-1] if found else None


def chunks(path: Path) -> Iterator[bytes]:
    """The file as it is."""
    with path.open("rb") as file:
        while block := file.read(_CHUNK_BYTES):
            yield block
