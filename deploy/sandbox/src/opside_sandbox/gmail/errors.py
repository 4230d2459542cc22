"""How the Gmail API says no."""

from typing import Any

from fastapi.responses import JSONResponse

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class ApiError(Exception):
    """An error in Google's shape; `reason` is what a client decides by."""

    def __init__(
        self, status: int, message: str, reason: str, *, domain: str = "global", **more: str
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.reason = status, message, reason
        self._item = {"message": message, "domain": domain, "reason": reason, **more}
        self.details: list[dict[str, Any]] = []

    def response(self) -> JSONResponse:
        """The answer."""
        body: dict[str, Any] = {
            "code": self.status,
            "message": self.message,
            "errors": [self._item],
            "status": _STATUS[self.status],
        }
        if self.details:
            body["details"] = self.details
        headers = {"Cache-Control": "private"}
        if self.status == 401:
            headers["WWW-Authenticate"] = (
                'Bearer realm="https://accounts.google.com/", error="invalid_token"'
            )
        return JSONResponse({"error": body}, self.status, headers)


def invalid(message: str) -> ApiError:
    """400: an argument cannot be read."""
    return ApiError(400, message, "invalidArgument")


def not_found() -> ApiError:
    """404: no such message, attachment, label, or a start of history that is gone."""
    return ApiError(404, "Requested entity was not found.", "notFound")


def login_required() -> ApiError:
    """401: no token at all."""
    message = (
        "Request is missing required authentication credential. Expected OAuth 2 access token, "
        "login cookie or other valid authentication credential."
    )
    return ApiError(401, message, "required", location="Authorization", locationType="header")


def invalid_credentials() -> ApiError:
    """401: the token is unknown, over or revoked."""
    message = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, "
        "login cookie or other valid authentication credential."
    )
    return ApiError(401, message, "authError", location="Authorization", locationType="header")


def insufficient_scope() -> ApiError:
    """403: the person did not tick gmail.readonly."""
    message = "Request had insufficient authentication scopes."
    error = ApiError(403, message, "insufficientPermissions")
    error.details = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "domain": "googleapis.com",
            "metadata": {"service": "gmail.googleapis.com"},
        }
    ]
    return error


def delegation_denied(address: str) -> ApiError:
    """403: somebody else's mailbox."""
    return ApiError(403, f"Delegation denied for {address}", "forbidden")


def user_rate_exceeded(status: int = 403) -> ApiError:
    """The user's quota units of this minute are spent. Google answers 403, sometimes 429."""
    if status == 429:
        message = "Resource has been exhausted (e.g. check quota)."
        return ApiError(429, message, "rateLimitExceeded")
    message = (
        "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' of "
        "service 'gmail.googleapis.com' for consumer 'project_number:102030405060'."
    )
    return ApiError(403, message, "rateLimitExceeded", domain="usageLimits")


def daily_limit() -> ApiError:
    """403: the project's units of the day are spent; waiting a minute does not help."""
    return ApiError(403, "Daily Limit Exceeded", "dailyLimitExceeded", domain="usageLimits")


def user_rate() -> ApiError:
    """403: the older wording of too many calls for one user."""
    message = "User Rate Limit Exceeded"
    return ApiError(403, message, "userRateLimitExceeded", domain="usageLimits")


def domain_policy() -> ApiError:
    """403: the administrator of the person's domain forbids the application."""
    return ApiError(403, "The domain administrators have disabled Gmail apps.", "domainPolicy")


def backend_error(status: int = 500) -> ApiError:
    """500 or 503."""
    if status == 503:
        return ApiError(503, "The service is currently unavailable.", "backendError")
    return ApiError(500, "Internal error encountered.", "backendError")
