"""The cookies of a signed-in browser. `__Host-`: this host only, https (or loopback) only."""

from starlette.responses import Response

from main_api.sessions import rules

ACCESS_COOKIE = "__Host-opside_session"
REFRESH_COOKIE = "__Host-opside_refresh"
BROWSER_COOKIE = "__Host-opside_sign_in"


def set_cookie(response: Response, name: str, value: str, *, lifetime_seconds: int) -> None:
    """Secure, not readable by scripts, not sent along with other sites' requests."""
    response.set_cookie(
        name,
        value,
        max_age=lifetime_seconds,
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )


def set_session_cookies(
    response: Response, *, access_token: str, refresh_token: str, lifetime_days: int
) -> None:
    """What a browser holds of its session."""
    set_cookie(response, ACCESS_COOKIE, access_token, lifetime_seconds=rules.ACCESS_TOKEN_SECONDS)
    set_cookie(response, REFRESH_COOKIE, refresh_token, lifetime_seconds=lifetime_days * 24 * 3600)


def clear_cookies(response: Response) -> None:
    """Forget the session in this browser."""
    for name in (ACCESS_COOKIE, REFRESH_COOKIE, BROWSER_COOKIE):
        response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
