"""Refusals of the SP-API in the shapes that were recorded."""


class SpApiError(Exception):
    """`{"errors": [{code, message, details}]}`; `details` None leaves the key out."""

    def __init__(self, status: int, code: str, message: str, details: str | None = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.details = status, code, message, details

    @property
    def body(self) -> dict[str, list[dict[str, str]]]:
        """What goes over the wire."""
        error = {"code": self.code, "message": self.message}
        if self.details is not None:
            error["details"] = self.details
        return {"errors": [error]}


def unauthorized(details: str = "") -> SpApiError:
    """403: the token is missing, over, withdrawn, or not a seller's."""
    return SpApiError(403, "Unauthorized", "Access to requested resource is denied.", details)


def quota_exceeded() -> SpApiError:
    """429, without a word on how long to wait."""
    message = "You exceeded your quota for the requested resource."
    return SpApiError(429, "QuotaExceeded", message)


def invalid_input(message: str) -> SpApiError:
    """400."""
    return SpApiError(400, "InvalidInput", message)


def not_found(message: str) -> SpApiError:
    """404."""
    return SpApiError(404, "NotFound", message, None)


def internal_failure() -> SpApiError:
    """500."""
    message = "We encountered an internal error. Please try again."
    return SpApiError(500, "InternalFailure", message)
