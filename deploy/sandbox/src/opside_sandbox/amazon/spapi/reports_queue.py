"""Reports as documents of the store: asked for, worked on, done; contents follow from a recipe."""

from datetime import datetime, timedelta
from typing import Any

from opside_sandbox.amazon import identifiers
from opside_sandbox.amazon.cases.book import decide_due
from opside_sandbox.amazon.personas import Persona
from opside_sandbox.amazon.reports.contents import has_rows, settlements
from opside_sandbox.amazon.spapi import report_quotas
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

REPORTS = "amazon.reports"
KEPT_DAYS = 90
_FATAL = "amazon.fatal_reports"


def plan_fatal(
    state: SandboxState, persona: Persona, report_type: str, *, document: bool = True
) -> None:
    """The persona's next report of this type will end FATAL; a document may say why."""
    state.store.put(_FATAL, f"{persona.key}|{report_type}", {"document": document})


def _planned_fatal(state: SandboxState, persona: Persona, report_type: str) -> Document | None:
    key = f"{persona.key}|{report_type}"
    plan = state.store.get(_FATAL, key)
    state.store.delete(_FATAL, key)
    return plan


def enqueue(state: SandboxState, persona: Persona, asked: dict[str, Any]) -> Document:
    """Keep a report request. `asked` holds reportType, marketplaceIds, start, end, options.

    Raises SpApiError 429 when the type's hidden quota is used up.
    """
    decide_due(state, persona)
    now = state.clock.now()
    early = report_quotas.outcome_of(state, asked, kept(state, persona))
    fatal = _planned_fatal(state, persona, asked["reportType"])
    report = {
        **asked,
        "reportId": identifiers.number(state, f"report/{persona.key}", digits=12, first="2"),
        "persona": persona.key,
        "createdTime": now.isoformat(timespec="seconds"),
        "asOf": now.isoformat(),
        "outcome": "FATAL" if fatal else early or "",
        "cancelled": False,
        "settlement": None,
        "documentId": _document_id(state) if fatal is None or fatal["document"] else None,
    }
    if not report["outcome"]:
        report["outcome"] = "DONE" if has_rows(state, persona, report) else "CANCELLED"
    return state.store.put(REPORTS, _key(persona, report["reportId"]), report)


def _key(persona: Persona, report_id: str) -> str:
    """A report id is unique only together with the seller."""
    return f"{persona.key}|{report_id}"


def _document_id(state: SandboxState) -> str:
    return f"amzn1.spdoc.1.4.na.{identifiers.request_id(state)}.{identifiers.rid(state)[:13]}.5900"


def find(state: SandboxState, persona: Persona, report_id: str) -> Document | None:
    """A report of this seller."""
    return state.store.get(REPORTS, _key(persona, report_id))


def document(state: SandboxState, persona: Persona, document_id: str) -> Document | None:
    """The finished report of a document that is still kept."""
    report = state.store.find(REPORTS, documentId=document_id, persona=persona.key)
    if report is None or status_of(state, report) not in {"DONE", "FATAL"}:
        return None
    created = datetime.fromisoformat(report["createdTime"])
    return report if created >= state.clock.now() - timedelta(days=KEPT_DAYS) else None


def keep(state: SandboxState, persona: Persona, report: Document) -> None:
    """Write a changed report back."""
    state.store.put(REPORTS, _key(persona, report["reportId"]), report)


def status_of(state: SandboxState, report: Document) -> str:
    """Where the report stands on the sandbox's clock."""
    if report["cancelled"]:
        return "CANCELLED"
    if report["settlement"]:
        return "DONE"
    waited = (state.clock.now() - datetime.fromisoformat(report["asOf"])).total_seconds()
    needed = state.settings.amazon_pace.report_seconds
    if waited < needed / 3:
        return "IN_QUEUE"
    return "IN_PROGRESS" if waited < needed else str(report["outcome"])


def _seconds(text: str) -> str:
    return datetime.fromisoformat(text).isoformat(timespec="seconds")


def wire(state: SandboxState, report: Document) -> dict[str, Any]:
    """The report as the API shows it."""
    status = status_of(state, report)
    shown = {
        "reportType": report["reportType"],
        "processingStatus": status,
        "marketplaceIds": report["marketplaceIds"],
        "reportId": report["reportId"],
        "dataStartTime": _seconds(report["start"]),
        "dataEndTime": _seconds(report["end"]),
        "createdTime": report["createdTime"],
    }
    created = datetime.fromisoformat(report["asOf"])
    pace = timedelta(seconds=state.settings.amazon_pace.report_seconds)
    if status not in {"IN_QUEUE", "CANCELLED"}:
        shown["processingStartTime"] = (created + pace / 3).isoformat(timespec="seconds")
    if status in {"DONE", "FATAL", "CANCELLED"}:
        shown["processingEndTime"] = (created + pace).isoformat(timespec="seconds")
    if status in {"DONE", "FATAL"} and report["documentId"]:
        shown["reportDocumentId"] = report["documentId"]
    return shown


def add_settlements(state: SandboxState, persona: Persona) -> None:
    """Settlement reports appear by themselves when their period has closed."""
    decide_due(state, persona)
    for one in settlements(state, persona):
        # The second layout came later: the first keeps the name it has in states on disk.
        layout = "|V2" if one.report_type.endswith("_V2") else ""
        name = f"{persona.key}|{one.key}{layout}"
        if state.store.get("amazon.settlements", name) is not None:
            continue
        report_id = identifiers.number(state, f"report/{persona.key}", digits=12, first="2")
        report = {
            "reportType": one.report_type,
            "marketplaceIds": [persona.store.id],
            "start": one.start.isoformat(timespec="seconds"),
            "end": one.end.isoformat(timespec="seconds"),
            "options": {},
            "reportId": report_id,
            "persona": persona.key,
            "createdTime": one.created.isoformat(timespec="seconds"),
            "asOf": one.created.isoformat(),
            "outcome": "DONE",
            "cancelled": False,
            "settlement": one.key,
            "documentId": _document_id(state),
        }
        with state.store.transaction():
            keep(state, persona, report)
            state.store.put("amazon.settlements", name, {"id": report_id})


def kept(state: SandboxState, persona: Persona) -> list[Document]:
    """The seller's reports of the last ninety days, newest first."""
    oldest = state.clock.now() - timedelta(days=KEPT_DAYS)
    found = state.store.list(REPORTS, persona=persona.key)
    recent = [one for one in found if datetime.fromisoformat(one["createdTime"]) >= oldest]
    return sorted(recent, key=lambda one: (one["createdTime"], one["reportId"]), reverse=True)
