"""Sign-in with Amazon, refreshing, signing out, and the list of open sessions."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from main_api.dependencies import Runtime, runtime
from main_api.sessions import cookies, rules
from main_api.sessions.errors import CsrfRefused, SessionEnded, SignInRefused
from main_api.sessions.finish_sign_in import AmazonReturn, SignedIn, finish_sign_in
from main_api.sessions.open_session import OpenedSession
from main_api.sessions.own_sessions import (
    csrf_token,
    end_all_sessions,
    end_session,
    live_sessions,
)
from main_api.sessions.refresh import refresh_session
from main_api.sessions.start_sign_in import start_sign_in
from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.errors import OpsideError
from opside_chassis.wire import AnswerModel, PlainText
from opside_contracts.integrations.messages import AppstoreVisit, StartSellerConsent

router = APIRouter()
Parts = Annotated[Runtime, Depends(runtime)]
Member = Annotated[Caller, Depends(access.member())]
PUBLIC = [Depends(access.public())]


class SessionView(AnswerModel):
    """One open session."""

    session_id: str
    current: bool
    user_agent: str
    created_at: datetime
    expires_at: datetime


@router.get(
    "/api/auth/amazon/start", dependencies=PUBLIC, status_code=302, response_class=RedirectResponse
)
async def start(parts: Parts) -> RedirectResponse:
    """Send the browser to Amazon's consent page."""
    return await _to_consent(parts)


@router.get(
    "/api/auth/amazon/appstore",
    dependencies=PUBLIC,
    status_code=302,
    response_class=RedirectResponse,
)
async def start_from_appstore(
    parts: Parts,
    amazon_callback_uri: Annotated[PlainText, Query(min_length=1, max_length=2048)],
    amazon_state: Annotated[PlainText, Query(min_length=1, max_length=2048)],
    version: Annotated[str, Query(max_length=20)] = "",
) -> RedirectResponse:
    """The application's Login URI: a seller opened it in Amazon's Appstore.

    He signs in as everybody does; his consent then goes on at `amazon_callback_uri`, if that is Seller
    Central's.
    """
    visit = AppstoreVisit(
        callback_uri=amazon_callback_uri, amazon_state=amazon_state, beta=version == "beta"
    )
    return await _to_consent(parts, visit)


async def _to_consent(parts: Runtime, appstore: AppstoreVisit | None = None) -> RedirectResponse:
    started = await start_sign_in(
        parts.database.sessions, parts.login, clock=parts.clock, appstore=appstore
    )
    response = RedirectResponse(started.consent_url, status_code=302)
    response.headers["Referrer-Policy"] = "no-referrer"
    cookies.set_cookie(
        response,
        cookies.BROWSER_COOKIE,
        started.browser_secret,
        lifetime_seconds=rules.ATTEMPT_LIFETIME_SECONDS,
    )
    return response


@router.get(
    "/api/auth/amazon/callback",
    dependencies=PUBLIC,
    status_code=302,
    response_class=RedirectResponse,
)
async def callback(
    request: Request,
    parts: Parts,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=2048)] = "",
    error: Annotated[str, Query(max_length=200)] = "",
) -> RedirectResponse:
    """Amazon's return: sign in, then on to the seller consent or the dashboard."""
    if error:
        return RedirectResponse(f"{parts.settings.app_url}/dashboard?sign-in=denied", 302)
    if not state or not code:
        raise SignInRefused("the return from Amazon lacks its code or state; start again")
    signed_in = await finish_sign_in(
        parts.database.sessions,
        parts.login,
        AmazonReturn(
            code=code,
            state=state,
            browser_secret=request.cookies.get(cookies.BROWSER_COOKIE, ""),
            user_agent=request.headers.get("user-agent", ""),
        ),
        clock=parts.clock,
        lifetime_days=parts.settings.session_lifetime_days,
    )
    target = f"{parts.settings.app_url}/dashboard"
    if not signed_in.amazon_connected:
        target = await _seller_consent(parts, signed_in, otherwise=target)
    response = RedirectResponse(target, status_code=302)
    response.headers["Referrer-Policy"] = "no-referrer"
    _give_cookies(response, parts, signed_in.session)
    response.delete_cookie(cookies.BROWSER_COOKIE, path="/", secure=True, httponly=True)
    return response


async def _seller_consent(parts: Runtime, signed_in: SignedIn, *, otherwise: str) -> str:
    """Where the seller connects his account; the dashboard says so when that is not possible now."""
    request = StartSellerConsent(
        user_id=signed_in.session.user_id,
        browser_binding=rules.hash_of(signed_in.session.session_id),
        appstore=signed_in.appstore,
    )
    try:
        consent = await parts.integrations.start_seller_consent(request)
    except OpsideError:
        return f"{otherwise}?connect=unavailable"
    return consent.consent_url or otherwise


class CsrfToken(AnswerModel):
    """To be sent back in X-CSRF-Token with every unsafe request of a browser."""

    csrf_token: str


@router.get("/api/auth/csrf")
async def read_csrf_token(caller: Member, parts: Parts) -> CsrfToken:
    """The CSRF token of this browser's session."""
    token = await csrf_token(
        parts.database.sessions,
        user_id=caller.user_id,
        session_id=caller.session_id,
        clock=parts.clock,
    )
    return CsrfToken(csrf_token=token)


@router.post("/api/auth/refresh", dependencies=PUBLIC, status_code=204)
async def refresh(request: Request, parts: Parts) -> Response:
    """A fresh access token for the browser's refresh token, which is replaced."""
    if request.headers.get("origin") not in parts.allowed_origins:
        raise CsrfRefused("send the Origin of our own page")
    token = request.cookies.get(cookies.REFRESH_COOKIE)
    if token is None:
        raise SessionEnded("nobody is signed in here")
    opened = await refresh_session(parts.database.sessions, token, clock=parts.clock)
    response = Response(status_code=204)
    _give_cookies(response, parts, opened)
    return response


@router.post("/api/auth/logout", status_code=204)
async def logout(
    caller: Member, parts: Parts, *, everywhere: Annotated[bool, Query()] = False
) -> Response:
    """End this session, or all of the user's with `everywhere=true`."""
    if everywhere:
        await end_all_sessions(parts.database.sessions, user_id=caller.user_id, clock=parts.clock)
    elif caller.session_id is not None:
        await end_session(
            parts.database.sessions,
            user_id=caller.user_id,
            session_id=caller.session_id,
            clock=parts.clock,
        )
    response = Response(status_code=204)
    cookies.clear_cookies(response)
    return response


@router.get("/api/auth/sessions")
async def list_sessions(caller: Member, parts: Parts) -> list[SessionView]:
    """The user's open sessions, newest first."""
    rows = await live_sessions(parts.database.sessions, user_id=caller.user_id, clock=parts.clock)
    return [
        SessionView(
            session_id=row.id,
            current=row.id == caller.session_id,
            user_agent=row.user_agent,
            created_at=row.created_at,
            expires_at=row.expires_at,
        )
        for row in rows
    ]


@router.delete("/api/auth/sessions/{session_id}", status_code=204)
async def revoke_session(session_id: str, caller: Member, parts: Parts) -> None:
    """End one of the user's sessions."""
    await end_session(
        parts.database.sessions, user_id=caller.user_id, session_id=session_id, clock=parts.clock
    )


def _give_cookies(response: Response, parts: Runtime, opened: OpenedSession) -> None:
    access_token = parts.user_tokens.mint(
        audience="main-api",
        user_id=opened.user_id,
        role=opened.role,
        session_id=opened.session_id,
        ttl_seconds=rules.ACCESS_TOKEN_SECONDS,
    )
    cookies.set_session_cookies(
        response,
        access_token=access_token,
        refresh_token=opened.refresh_token,
        lifetime_days=parts.settings.session_lifetime_days,
    )
