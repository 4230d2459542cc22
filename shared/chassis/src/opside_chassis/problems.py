"""Errors on the wire: RFC 9457 `application/problem+json`, with nothing internal in them."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from opside_chassis.errors import OpsideError
from opside_chassis.request_context import request_id

MEDIA_TYPE = "application/problem+json"
MAX_FIELD_ERRORS = 20
"""A body of a thousand wrong fields need not be answered with a thousand sentences."""
_OWN_MEMBERS = frozenset({"type", "title", "status", "detail", "code", "instance", "requestId"})
_CODES = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "payload_too_large",
    415: "unsupported_media_type",
    422: "unprocessable",
    429: "too_many_requests",
    503: "unavailable",
}
_DETAILS = {404: "There is nothing at this address.", 405: "This address has no such method."}
RETRY_AFTER_SECONDS = 5
"""When a caller of something that is away may come again, where nobody knows better."""
UNKNOWN_DETAIL = "Something went wrong on our side; quote the request id when you ask for help."

_TEXT = {"type": "string"}
OPENAPI_RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem (RFC 9457)",
        "content": {
            MEDIA_TYPE: {
                "schema": {
                    "title": "Problem",
                    "type": "object",
                    "required": ["type", "title", "status", "detail", "code"],
                    "properties": {
                        "type": _TEXT,
                        "title": _TEXT,
                        "status": {"type": "integer"},
                        "detail": _TEXT,
                        "code": _TEXT,
                        "instance": _TEXT,
                        "requestId": {"type": ["string", "null"]},
                    },
                }
            }
        },
    }
}
"""What every route may answer besides its own; replaces FastAPI's schema of validation errors."""


class ProblemResponse(JSONResponse):
    """A JSON answer of RFC 9457's media type."""

    media_type = MEDIA_TYPE


def problem(
    scope: Scope,
    status: int,
    *,
    detail: str,
    code: str | None = None,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Render one problem; `extra` members cannot replace the standard ones."""
    code = code or _CODES.get(
        status, "internal" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "bad_request"
    )
    members = {to_camel(name): value for name, value in (extra or {}).items()}
    body = {
        **{name: value for name, value in members.items() if name not in _OWN_MEMBERS},
        "type": f"urn:opside:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "instance": scope.get("path", ""),
        "requestId": request_id(),
    }
    return ProblemResponse(body, status_code=status, headers=dict(headers or {}))


def from_error(scope: Scope, error: OpsideError) -> Response:
    """Render one of our own errors, with Retry-After and WWW-Authenticate where they belong."""
    headers: dict[str, str] = {}
    retry_after_seconds = getattr(error, "retry_after_seconds", None)
    if retry_after_seconds is None and error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        retry_after_seconds = RETRY_AFTER_SECONDS
    if retry_after_seconds is not None:
        headers["Retry-After"] = str(max(1, int(retry_after_seconds)))
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return problem(
        scope,
        error.status,
        detail=error.detail,
        code=error.code,
        extra=error.extra,
        headers=headers,
    )


def internal_error(scope: Scope) -> Response:
    """What a caller sees of an error we did not foresee: nothing but the request id."""
    return problem(scope, 500, detail=UNKNOWN_DETAIL)


def install(app: FastAPI) -> None:
    """Render our errors, validation errors and the framework's own as problems."""
    app.add_exception_handler(OpsideError, _opside_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)


async def _opside_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, OpsideError)  # noqa: S101 - registered for this class only
    return from_error(request.scope, error)


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    found: Sequence[Mapping[str, Any]] = error.errors()
    # The input and the context are left out: they may repeat a secret of the body.
    fields = [
        {"location": [str(part) for part in item["loc"]], "message": item["msg"]}
        for item in found[:MAX_FIELD_ERRORS]
    ]
    return problem(
        request.scope, 422, detail=_summary(fields), code="validation", extra={"errors": fields}
    )


def _summary(fields: Sequence[Mapping[str, Any]]) -> str:
    if not fields:
        return "The request is not valid."
    first = fields[0]
    return f"{'.'.join(first['location'])}: {first['message']}"


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    status = error.status_code
    detail = _DETAILS.get(status) or str(error.detail)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        detail = UNKNOWN_DETAIL
    return problem(request.scope, status, detail=detail, headers=error.headers)
