"""What another service's answer means here: its problem becomes our error again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from opside_chassis.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    OpsideError,
    PayloadTooLarge,
    TooManyRequests,
    Unavailable,
    Unprocessable,
)

_ERRORS: dict[int, type[OpsideError]] = {
    400: BadRequest,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: PayloadTooLarge,
    422: Unprocessable,
}
_STANDARD_MEMBERS = frozenset(
    {"type", "title", "status", "detail", "code", "instance", "requestId"}
)


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """An answer read to its end."""

    status_code: int
    headers: Mapping[str, str]
    """Case-blind."""
    content: bytes

    @property
    def is_success(self) -> bool:
        """Whether it is a 2xx."""
        return is_success(self.status_code)

    def json(self) -> Any:  # noqa: ANN401 - whatever was sent
        """The body parsed; raises ValueError."""
        return json.loads(self.content)


def is_success(status_code: int) -> bool:
    """Whether it is a 2xx."""
    return HTTPStatus.OK <= status_code < HTTPStatus.MULTIPLE_CHOICES


def retry_after_seconds(response: WholeAnswer) -> int | None:
    """The pause the callee asked for, in seconds; dates are not used between our services."""
    text = response.headers.get("retry-after", "")
    return int(text) if text.isascii() and text.isdigit() else None


def as_error(response: WholeAnswer, audience: str) -> OpsideError:
    """The error an answer stands for, with the problem's detail, code and extra members.

    A 5xx becomes `Unavailable`: the callee's fault is not our caller's, and its text is for
    nobody. So does a redirect, which is never followed and so no answer either; and a 401, which
    says that our own token was refused: a browser that heard of it would sign its user out.
    """
    status = response.status_code
    ours = status == HTTPStatus.UNAUTHORIZED
    if ours or status >= HTTPStatus.INTERNAL_SERVER_ERROR or status < HTTPStatus.BAD_REQUEST:
        return Unavailable(
            f"{audience} answered {status}.",
            retry_after_seconds=retry_after_seconds(response),
            away=audience,
        )
    body = _problem_body(response)
    error = _client_error(response, body, audience)
    code = body.get("code")
    if isinstance(code, str):
        error.code = code
    return error


def _client_error(response: WholeAnswer, body: dict[str, Any], audience: str) -> OpsideError:
    status = response.status_code
    detail = str(body.get("detail") or f"{audience} refused with {status}.")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return TooManyRequests(detail, retry_after_seconds=retry_after_seconds(response) or 1)
    error = _ERRORS.get(status, BadRequest)(detail)
    # Set afterwards: a member named like a parameter must not be taken for one.
    error.extra = {name: value for name, value in body.items() if name not in _STANDARD_MEMBERS}
    return error


def _problem_body(response: WholeAnswer) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
