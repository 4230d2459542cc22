"""Errors in Stripe's shapes: status, type, code, param, and the objects they carry."""

from typing import Any

Document = dict[str, Any]


class StripeError(Exception):
    """An answer that is not 2xx.

    `keeps_effects` is true for a decline: the failed charge and its events stay. Every other
    error undoes what its request did. `saved` tells whether an idempotency key remembers it.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        extra: Document | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.code = code
        self.param = param
        self.extra = extra or {}
        self.keeps_effects = False
        self.saved = True

    def body(self, request_id: str, created: int) -> Document:
        """The JSON answer; keys without a value are left out, as Stripe does."""
        error: Document = {"message": self.message, "type": self.kind}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = doc_url(self.code)
        if self.param:
            error["param"] = self.param
        error.update(self.extra)
        error["request_log_url"] = (
            f"https://dashboard.stripe.com/test/logs/{request_id}?t={created}"
        )
        return {"error": dict(sorted(error.items()))}


def doc_url(code: str) -> str:
    """Where Stripe explains an error code."""
    return f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> StripeError:
    """400 invalid_request_error."""
    return StripeError(400, message, param=param, code=code)


def malformed(message: str, *, param: str | None = None, code: str | None = None) -> StripeError:
    """400 before the request begins to run: no idempotency key remembers it."""
    error = invalid(message, param=param, code=code)
    error.saved = False
    return error


def missing(kind: str, object_id: str, *, param: str = "id", in_path: bool = True) -> StripeError:
    """The named object does not exist: 404 in the path, 400 when a parameter names it."""
    return StripeError(
        404 if in_path else 400,
        f"No such {kind}: '{object_id}'",
        code="resource_missing",
        param=param,
    )


def unexpected_state(kind: str, message: str, shown: Document) -> StripeError:
    """400 with the intent inside: its status does not allow this."""
    return StripeError(400, message, code=f"{kind}_unexpected_state", extra={kind: shown})


def unauthorized(message: str, *, code: str | None = None) -> StripeError:
    """401: no key, a wrong key, or a key of the wrong kind."""
    error = StripeError(401, message, code=code)
    error.saved = False
    return error
