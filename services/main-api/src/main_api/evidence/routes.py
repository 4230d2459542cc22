"""Evidence of the signed-in seller. What is another's answers 404."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, File, Form, Query, Response, UploadFile
from fastapi.responses import FileResponse

from main_api.dependencies import Runtime, runtime, sessions
from main_api.evidence.content import SUFFIXES
from main_api.evidence.correct import correct_evidence
from main_api.evidence.decide import decide_match, list_matches, match_by_hand
from main_api.evidence.listing import file_of, list_evidence, read_evidence, read_history
from main_api.evidence.prompts import list_prompts
from main_api.evidence.read import read_again
from main_api.evidence.remove import remove_evidence
from main_api.evidence.rules import DocumentKind, MatchStatus
from main_api.evidence.schemas import (
    Correction,
    EvidenceDetail,
    EvidenceView,
    FieldChangeView,
    MatchView,
    NewMatch,
    Prompts,
    UploadedEvidence,
)
from main_api.evidence.upload import upload_evidence
from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.database import Sessions
from opside_chassis.described import answers_file
from opside_chassis.pagination import Page, PageQuery

router = APIRouter()
Member = Annotated[Caller, Depends(access.member())]
Database = Annotated[Sessions, Depends(sessions)]
Parts = Annotated[Runtime, Depends(runtime)]


class MatchQuery(PageQuery):
    """Which matches."""

    case_id: Annotated[str | None, Query(alias="caseId", max_length=200)] = None
    evidence_id: Annotated[str | None, Query(alias="evidenceId", max_length=200)] = None


@router.post("/api/evidence", status_code=201)
async def upload(
    caller: Member,
    parts: Parts,
    file: Annotated[UploadFile, File()],
    kind: Annotated[DocumentKind, Form()] = DocumentKind.OTHER,
) -> UploadedEvidence:
    """Keep a PDF, PNG, JPEG or plain text of at most 20 MB; its reading follows as a job."""
    return await upload_evidence(
        parts.database.sessions,
        parts.evidence,
        file.file,
        user_id=caller.user_id,
        file_name=file.filename or "",
        kind=kind,
    )


@router.get("/api/evidence")
async def read_documents(
    caller: Member, database: Database, page: Annotated[PageQuery, Query()]
) -> Page[EvidenceView]:
    """The seller's documents, newest first."""
    return await list_evidence(database, user_id=caller.user_id, page=page)


@router.get("/api/evidence/prompts")
async def read_prompts(caller: Member, parts: Parts) -> Prompts:
    """What each open case lacks, why it matters, and how much money is at stake."""
    return await list_prompts(
        parts.database.sessions, parts.integrations, user_id=caller.user_id, clock=parts.clock
    )


@router.get("/api/evidence/matches")
async def read_matches(
    caller: Member, database: Database, query: Annotated[MatchQuery, Query()]
) -> Page[MatchView]:
    """Which documents answer which cases, proposed or decided, each with its reasons."""
    return await list_matches(
        database,
        user_id=caller.user_id,
        case_id=query.case_id,
        evidence_id=query.evidence_id,
        page=query,
    )


@router.post("/api/evidence/matches/{match_id}/accept")
async def accept_match(match_id: str, caller: Member, parts: Parts) -> MatchView:
    """The document answers the case; its units are used."""
    return await _decide(MatchStatus.ACCEPTED, match_id, caller, parts)


@router.post("/api/evidence/matches/{match_id}/reject")
async def reject_match(match_id: str, caller: Member, parts: Parts) -> MatchView:
    """The document does not answer the case; its units are free."""
    return await _decide(MatchStatus.REJECTED, match_id, caller, parts)


async def _decide(status: MatchStatus, match_id: str, caller: Caller, parts: Runtime) -> MatchView:
    return await decide_match(
        parts.database.sessions,
        status,
        user_id=caller.user_id,
        match_id=match_id,
        clock=parts.clock,
    )


@router.get("/api/evidence/{evidence_id}")
async def read_document(evidence_id: str, caller: Member, database: Database) -> EvidenceDetail:
    """One document with what it says, where, and how surely."""
    return await read_evidence(database, user_id=caller.user_id, evidence_id=evidence_id)


@router.get(
    "/api/evidence/{evidence_id}/file",
    response_class=FileResponse,
    responses=answers_file(*SUFFIXES),
)
async def download(evidence_id: str, caller: Member, parts: Parts) -> FileResponse:
    """The content as it was received: always to be saved, never to be shown by a browser."""
    found = await file_of(
        parts.database.sessions, parts.evidence, user_id=caller.user_id, evidence_id=evidence_id
    )
    return FileResponse(
        found.place,
        media_type=found.media_type,
        headers={
            "Content-Disposition": attachment(found.file_name),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )


def attachment(file_name: str) -> str:
    """A Content-Disposition that a browser saves under this name (RFC 6266)."""
    return f"attachment; filename*=UTF-8''{quote(file_name, safe='')}"


@router.delete("/api/evidence/{evidence_id}", status_code=204)
async def delete_document(evidence_id: str, caller: Member, database: Database) -> Response:
    """Delete it, unless a packet that is ready or filed holds it."""
    await remove_evidence(database, user_id=caller.user_id, evidence_id=evidence_id)
    return Response(status_code=204)


@router.patch("/api/evidence/{evidence_id}/fields")
async def correct(
    evidence_id: str, correction: Correction, caller: Member, parts: Parts
) -> EvidenceDetail:
    """Correct or type what the document says; the history keeps what was there."""
    return await correct_evidence(
        parts.database.sessions,
        correction,
        user_id=caller.user_id,
        evidence_id=evidence_id,
        clock=parts.clock,
    )


@router.get("/api/evidence/{evidence_id}/history")
async def read_changes(
    evidence_id: str, caller: Member, database: Database
) -> list[FieldChangeView]:
    """What people changed: who, when, old and new."""
    return await read_history(database, user_id=caller.user_id, evidence_id=evidence_id)


@router.post("/api/evidence/{evidence_id}/read", status_code=202)
async def read_text_again(evidence_id: str, caller: Member, database: Database) -> Response:
    """Have the text read again; what a person typed stays."""
    await read_again(database, user_id=caller.user_id, evidence_id=evidence_id)
    return Response(status_code=202)


@router.post("/api/evidence/{evidence_id}/matches", status_code=201)
async def match_with_case(
    evidence_id: str, wanted: NewMatch, caller: Member, parts: Parts
) -> MatchView:
    """Match the document, or units of one of its lines, to a case by hand."""
    return await match_by_hand(
        parts.database.sessions,
        parts.integrations,
        wanted,
        user_id=caller.user_id,
        evidence_id=evidence_id,
        clock=parts.clock,
    )
