"""What a report document holds: generated, or a file of the user's own folder."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from opside_sandbox.amazon.cases.book import view_of
from opside_sandbox.amazon.history.periods import Period
from opside_sandbox.amazon.personas import Persona
from opside_sandbox.amazon.reports import folder
from opside_sandbox.amazon.reports.dialect import dialect_of
from opside_sandbox.amazon.reports.registry import SETTLEMENT, WRITERS
from opside_sandbox.amazon.reports.settlement import periods, settlement
from opside_sandbox.amazon.reports.settlement_v2 import settlement_v2
from opside_sandbox.amazon.view import View
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

_FATAL_TEXT = "Report processing failed: an internal error occurred. Please request it again.\n"


@dataclass(frozen=True, slots=True)
class ReadySettlement:
    """A settlement report that Amazon made by itself."""

    key: str
    report_type: str
    start: datetime
    end: datetime
    created: datetime


@dataclass(frozen=True, slots=True)
class Contents:
    """The bytes of a document and their character set."""

    charset: str
    chunks: Iterator[bytes]


def _view(state: SandboxState, persona: Persona, report: Document) -> View:
    view = view_of(
        state, persona,
        as_of=datetime.fromisoformat(report["asOf"]),
        start=datetime.fromisoformat(report["start"]),
        end=datetime.fromisoformat(report["end"]),
    )  # fmt: skip
    return replace(view, options=dict(report["options"]))


def _period_of(view: View, key: str) -> Period:
    return next(one for one in periods(view) if one.settlement_id == key)


def settlements(state: SandboxState, persona: Persona) -> list[ReadySettlement]:
    """The settlement reports that exist by now."""
    now = state.clock.now()
    if persona.key == "reports":
        return [
            ReadySettlement(
                one.name, one.report_type, one.start, one.end,
                now - timedelta(hours=1, minutes=place),
            )
            for place, one in enumerate(reversed(folder.settlement_files(state)))
        ]  # fmt: skip
    view = view_of(state, persona, as_of=now, start=now, end=now)
    return [
        ReadySettlement(one.settlement_id, kind, one.start, one.end, one.end)
        for one in periods(view)
        for kind in (SETTLEMENT, f"{SETTLEMENT}_V2")
    ]


def has_rows(state: SandboxState, persona: Persona, report: Document) -> bool:
    """False means CANCELLED: there is nothing to report."""
    if persona.key == "reports":
        return folder.file_of_type(state, report["reportType"]) is not None
    lines = WRITERS[report["reportType"]](_view(state, persona, report))
    return len(list(islice(lines, 2))) == 2


def contents_of(state: SandboxState, persona: Persona, report: Document) -> Contents:
    """The document of a finished report; the same bytes every time."""
    if report["outcome"] == "FATAL":
        return Contents("UTF-8", iter([_FATAL_TEXT.encode()]))
    if persona.key == "reports":
        name = report["settlement"] or ""
        path = folder.path_of(state, name) or folder.file_of_type(state, report["reportType"])
        # Nobody has told us the character set of a user's own file.
        return Contents("", folder.chunks(path) if path else iter(()))
    view = _view(state, persona, report)
    if report["settlement"]:
        # What Amazon decided after the period's end is in the next settlement.
        write = settlement if report["reportType"] == SETTLEMENT else settlement_v2
        lines = write(view, _period_of(view, report["settlement"]))
        # No title in it: plain UTF-8 in every marketplace.
        return Contents("UTF-8", (line.encode() for line in lines))
    dialect = dialect_of(persona)
    lines = WRITERS[report["reportType"]](view)
    return Contents(dialect.content_charset, dialect.encode(lines))
