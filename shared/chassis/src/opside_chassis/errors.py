"""Errors named as sentences. Each carries the HTTP status and the stable code it is answered with.

A domain adds its own in `<domain>/errors.py` by subclassing one of these; `problems.py` renders them
(RFC 9457). The detail is shown to the caller, so it must hold nothing internal.
"""

from typing import Any


class OpsideError(Exception):
    """Something that a caller is told about. `extra` becomes further members of the problem body."""

    status: int = 500
    code: str = "internal"

    def __init__(self, detail: str, **extra: Any) -> None:  # noqa: ANN401 - any JSON value
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class BadRequest(OpsideError):
    """The request is malformed."""

    status = 400
    code = "bad_request"


class Unauthenticated(OpsideError):
    """We do not know who is calling."""

    status = 401
    code = "unauthenticated"


class Forbidden(OpsideError):
    """We know who is calling, and he may not do this."""

    status = 403
    code = "forbidden"


class NotFound(OpsideError):
    """There is no such thing, or it belongs to somebody else."""

    status = 404
    code = "not_found"


class Conflict(OpsideError):
    """The request contradicts what is stored."""

    status = 409
    code = "conflict"


class PayloadTooLarge(OpsideError):
    """The body is larger than the route takes."""

    status = 413
    code = "payload_too_large"


class Unprocessable(OpsideError):
    """The request is well formed but its content cannot be accepted."""

    status = 422
    code = "unprocessable"


class _RetryableError(OpsideError):
    def __init__(
        self,
        detail: str,
        *,
        retry_after_seconds: int | None = None,
        **extra: Any,  # noqa: ANN401 - any JSON value
    ) -> None:
        super().__init__(detail, **extra)
        self.retry_after_seconds = retry_after_seconds


class TooManyRequests(_RetryableError):
    """The caller is over its limit; try again after the given seconds."""

    status = 429
    code = "too_many_requests"


class Unavailable(_RetryableError):
    """Something we depend on is down or does not answer in time."""

    status = 503
    code = "unavailable"
