"""Report documents behind signed addresses that live five minutes, as on S3."""

import hashlib
import hmac
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from opside_sandbox.amazon.faults import DOWNLOAD
from opside_sandbox.amazon.personas import everybody
from opside_sandbox.amazon.reports.contents import contents_of
from opside_sandbox.amazon.reports.registry import UNREQUESTABLE
from opside_sandbox.amazon.spapi.reports_queue import REPORTS
from opside_sandbox.amazon.unlucky import answered
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

LIFE_SECONDS = 300
_PLAIN = UNREQUESTABLE | {"GET_FBA_REIMBURSEMENTS_DATA"}
"""Types whose documents are not compressed here; Amazon decides by size."""
_DATE = "%Y%m%dT%H%M%SZ"


def gzipped(report: Document) -> bool:
    """Whether the document is GZIP."""
    return report["reportType"] not in _PLAIN and report["outcome"] != "FATAL"


def _signature(state: SandboxState, document_id: str, date: str) -> str:
    text = f"{document_id}|{date}|{LIFE_SECONDS}".encode()
    return hmac.new(f"{state.seed}/documents".encode(), text, hashlib.sha256).hexdigest()


def signed_url(state: SandboxState, request: Request, document_id: str) -> str:
    """An address on this host, good for five minutes of the sandbox's clock."""
    date = state.clock.now().strftime(_DATE)
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Date": date,
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Expires": str(LIFE_SECONDS),
        "X-Amz-Credential": "sandbox",
        "X-Amz-Signature": _signature(state, document_id, date),
    }
    return f"{request.base_url}tortuga-prod/{document_id}?{urlencode(query)}"


def _denied(code: str, message: str, status: int = 403) -> Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code>'
    return Response(
        f"{body}<Message>{message}</Message></Error>", status, media_type="application/xml"
    )


def _unlucky_refusal(status: int) -> Response:
    """S3's own words for what a fault asks: it knows no 429 and says 503 SlowDown."""
    if status == 403:
        return _expired()
    if status == 429:
        return _denied("SlowDown", "Please reduce your request rate.", 503)
    return _denied("InternalError", "We encountered an internal error. Please try again.", 500)


def _expired() -> Response:
    return _denied("AccessDenied", "Request has expired")


def _refusal(state: SandboxState, request: Request, document_id: str) -> Response | None:
    query = request.query_params
    date = query.get("X-Amz-Date", "")
    if not hmac.compare_digest(
        query.get("X-Amz-Signature", "").encode(), _signature(state, document_id, date).encode()
    ):
        return _denied(
            "SignatureDoesNotMatch", "The request signature we calculated does not match"
        )
    signed_at = datetime.strptime(date, _DATE).replace(tzinfo=UTC)
    if (state.clock.now() - signed_at).total_seconds() > LIFE_SECONDS:
        return _expired()
    headers = request.headers
    if any(name.startswith("x-amz-") for name in headers):
        return _denied(
            "AccessDenied", "There were headers present in the request which were not signed"
        )
    if "authorization" in headers:
        return _denied("InvalidArgument", "Only one auth mechanism allowed")
    return None


def _gzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    for chunk in chunks:
        if packed := packer.compress(chunk):
            yield packed
    yield packer.flush()


def documents_router(state: SandboxState) -> APIRouter:
    """Serves documents without any SP-API header."""
    router = APIRouter()

    async def act(request: Request, document_id: str) -> Response:
        if (refusal := _refusal(state, request, document_id)) is not None:
            return refusal
        report = state.store.find(REPORTS, documentId=document_id)
        if report is None:
            return _denied("NoSuchKey", "The specified key does not exist.")
        contents = contents_of(state, everybody(state)[report["persona"]], report)
        chunks = _gzip(contents.chunks) if gzipped(report) else contents.chunks
        # Set as a header: Starlette would add a charset of its own to a text media type.
        charset = f";charset={contents.charset}" if contents.charset else ""
        return StreamingResponse(chunks, headers={"content-type": f"text/plain{charset}"})

    @router.get("/tortuga-prod/{document_id}")
    async def serve(request: Request, document_id: str) -> Response:
        return await answered(
            state, request, DOWNLOAD, partial(act, request, document_id), _unlucky_refusal
        )

    return router
