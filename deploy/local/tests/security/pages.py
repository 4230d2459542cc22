"""Attacks by foreign pages, and with the cookies of a browser."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from security.consents import come_back, consented, started
from security.house import (
    ADA,
    BEN,
    EVIL,
    INTEGRATIONS,
    PAYMENTS,
    House,
    bearer,
)
from security.row import Attack, Built, Mutant, without_tenants
from security.weak_parts import believing, cookie_alone, cookie_for_ever
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from opside_chassis.user_token import UserTokens
from opside_local.folders import PROJECT

SAFE = {"get", "head", "options"}
LOOSE_PAGES = {"CORS_ALLOWED_ORIGINS": json.dumps([EVIL])}
PRODUCT = PROJECT / "services/main-api/src/main_api/dashboard/product_openapi.json"


def changes() -> list[tuple[str, str]]:
    """Every route of the product that a person may change something with."""
    described = json.loads(PRODUCT.read_text())["paths"]
    return sorted(
        (method.upper(), path)
        for path, operations in described.items()
        for method in operations
        if method not in SAFE and path.startswith("/api/") and path != "/api/auth/refresh"
    )


async def forged_changes(house: House) -> set[str]:
    """A foreign page sends every change there is with Ada's cookie; those that were not refused.

    Without the guard each is refused for another reason, or works.
    """
    session = await house.signed_in()
    took = set()
    for method, path in changes():
        if path == "/api/auth/logout":
            continue  # asked last, it would hide what comes after it
        url = path.replace("{", "").replace("}", "")
        headers = session.proof(Origin=EVIL, X_CSRF_Token=None) | {"Content-Type": "text/plain"}
        answer = await house.ask(method, url, headers=headers, content=b"{}")
        if not (answer.status_code == 403 and answer.json()["code"] == "csrf_refused"):
            took.add(f"{method} {path}")
    return took


def logout(**headers: str | None) -> Callable[[House], Awaitable[int]]:
    """The status of a sign-out with these headers changed."""

    async def attempt(house: House) -> int:
        session = await house.signed_in()
        sent = session.proof(**headers)
        return (await house.ask("POST", "/api/auth/logout", headers=sent)).status_code

    return attempt


async def foreign_refresh(house: House) -> int:
    session = await house.signed_in()
    headers = session.cookie() | {"Origin": EVIL}
    return (await house.ask("POST", "/api/auth/refresh", headers=headers)).status_code


async def preflight(house: House) -> str | None:
    """Which page the answer to a preflight lets in."""
    headers = {"Origin": EVIL, "Access-Control-Request-Method": "GET"}
    answer = await house.ask("OPTIONS", "/api/me", headers=headers)
    return answer.headers.get("access-control-allow-origin")


async def read_by_script(house: House) -> str | None:
    """Which page may read an answer that came with cookies."""
    session = await house.signed_in()
    answer = await house.ask("GET", "/api/me", headers=session.cookie() | {"Origin": EVIL})
    return answer.headers.get("access-control-allow-origin")


async def socket_status(url: str, headers: dict[str, str]) -> int:
    """101, or the status of the refusal."""
    try:
        async with connect(url.replace("http", "ws", 1), additional_headers=headers, proxy=None):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


async def foreign_socket(house: House) -> int:
    """A foreign page opens the socket of a sync; 404 (there is no such sync) is past the guard."""
    session = await house.signed_in()
    url = f"{house.main_api}/api/sync/progress/syn_1"
    return await socket_status(url, session.cookie() | {"Origin": EVIL})


async def foreign_socket_behind(house: House) -> int:
    session = await house.signed_in()
    tokens = UserTokens(house.signing_key("main-api"))
    token = tokens.mint(audience=INTEGRATIONS, user_id=session.user_id, role="user", session_id="s")
    url = f"{house.integrations}/api/sync/progress/syn_1"
    return await socket_status(url, bearer(token) | {"Origin": EVIL})


async def bare_cookies(house: House) -> set[str]:
    """What the cookies of start, return, refresh and sign-out lack of a cookie nobody can steal."""
    begun = await started(house)
    returned = await consented(house, begun.consent_url, ADA)
    start = await house.ask("GET", "/api/auth/amazon/start")
    finish = await come_back(house, returned, begun.secret)
    cookies = [one.split(";")[0] for one in finish.headers.get_list("set-cookie")]
    origin = house.system.urls.main_api
    headers = {"Origin": origin, "Cookie": "; ".join(cookies)}
    refresh = await house.ask("POST", "/api/auth/refresh", headers=headers)
    assert refresh.status_code == 204, refresh.text
    return {
        lack
        for answer in (start, finish, refresh)
        for cookie in answer.headers.get_list("set-cookie")
        for lack in lacks(cookie)
    }


def lacks(cookie: str) -> set[str]:
    """`__Host-` asks for Secure, Path=/ and no Domain; HttpOnly and SameSite are our own rule."""
    name, *attributes = [part.strip().lower() for part in cookie.split(";")]
    missing = {"path=/", "secure", "httponly", "samesite=lax"} - set(attributes)
    missing |= {"no domain"} if any(one.startswith("domain") for one in attributes) else set()
    return missing | (set() if name.startswith("__host-opside_") else {"the prefix"})


async def refresh_again(house: House) -> tuple[int, int]:
    """A refresh token that was used comes back: its status, and then that of the owner's session."""
    session = await house.signed_in()
    headers = {"Origin": session.origin, **session.cookie()}
    first = await house.ask("POST", "/api/auth/refresh", headers=headers)
    assert first.status_code == 204
    # Two tabs may bring one token within ten seconds.
    used = "UPDATE main_api.refresh_tokens SET used_at = used_at - interval '1 minute' WHERE user_id = $1"
    await house.sql(used, session.user_id)
    thief = await house.ask("POST", "/api/auth/refresh", headers=headers)
    owner = await house.ask("GET", "/api/me", headers=session.cookie())
    return thief.status_code, owner.status_code


async def other_device(house: House) -> int:
    """Ada signs out everywhere; a stolen cookie of her other device afterwards."""
    here, there = await house.signed_in(), await house.signed_in()
    path = "/api/auth/logout?everywhere=true"
    assert (await house.ask("POST", path, headers=here.proof())).status_code == 204
    return (await house.ask("GET", "/api/auth/sessions", headers=there.cookie())).status_code


async def neighbours_session(house: House) -> int:
    """Ben ends a session of Ada's."""
    ada, ben = await house.signed_in(ADA), await house.signed_in(BEN)
    path = f"/api/auth/sessions/{ada.session_id}"
    return (await house.ask("DELETE", path, headers=ben.proof())).status_code


LEADS_AWAY = (EVIL, "{app}.evil.test", "{app}@evil.test", "//evil.test", "javascript:alert(1)")


async def return_addresses(house: House) -> set[str]:
    """Addresses that Stripe's page would send a seller back to, and that were taken."""
    session = await house.signed_in()
    tokens = UserTokens(house.signing_key("main-api"))
    token = tokens.mint(audience=PAYMENTS, user_id=session.user_id, role="user", session_id="s")
    app = house.system.urls.main_api
    taken = set()
    for number, shape in enumerate(LEADS_AWAY):
        url = shape.replace("{app}", app)
        body = {"userId": session.user_id, "returnUrl": url, "refreshUrl": f"{app}/again"}
        headers = bearer(token) | {"Idempotency-Key": f"return-{number}"}
        address = f"{house.payments}/api/v1/stripe/connect"
        answer = await house.ask("POST", address, headers=headers, json=body)
        if answer.status_code != 400:
            taken.add(shape)
    return taken


def pages_of_evil(runtime: Any, _house: House) -> Any:
    return replace(runtime, allowed_origins=runtime.allowed_origins | {EVIL})


FLAGS = '        path="/",\n        secure=True,\n        httponly=True,\n        samesite="lax",\n'


def cookies_with(flags: str) -> Mutant:
    """Session cookies with these attributes instead of ours."""
    return Mutant("main_api/sessions/cookies.py", FLAGS, flags)


CREDULOUS = Built(app=believing(session_reader=cookie_alone))
EVIL_IS_OURS = Built(runtime=pages_of_evil)
EVIL_IS_LISTED = Built(settings=lambda _: LOOSE_PAGES)

ATTACKS = (
    Attack(
        "forgery: every change, from a foreign page",
        forged_changes,
        set(),
        CREDULOUS,
        {f"{method} {path}" for method, path in changes() if path != "/api/auth/logout"},
    ),
    Attack(
        "forgery: the right token, a foreign page",
        logout(Origin=EVIL),
        403,
        EVIL_IS_OURS,
        204,
    ),
    Attack(
        "forgery: no page named",
        logout(Origin=None),
        403,
        CREDULOUS,
        204,
    ),
    Attack(
        "forgery: our page, another session's token",
        logout(X_CSRF_Token="A" * 43),
        403,
        Mutant(
            "main_api/sessions/reader.py",
            " or not rules.same_secret(sent, csrf_token)",
        ),
        204,
    ),
    Attack(
        "forgery: a refresh from a foreign page",
        foreign_refresh,
        403,
        EVIL_IS_OURS,
        204,
    ),
    Attack(
        "forgery: a socket from a foreign page",
        foreign_socket,
        403,
        EVIL_IS_OURS,
        404,
    ),
    Attack(
        "forgery: a socket at the service behind",
        foreign_socket_behind,
        403,
        Built(INTEGRATIONS, settings=lambda _: LOOSE_PAGES),
        404,
    ),
    Attack(
        "CORS: a preflight of a foreign page",
        preflight,
        None,
        EVIL_IS_LISTED,
        EVIL,
    ),
    Attack(
        "CORS: an answer read by a foreign page",
        read_by_script,
        None,
        EVIL_IS_LISTED,
        EVIL,
    ),
    Attack(
        "cookies: readable by a script",
        bare_cookies,
        set(),
        cookies_with(FLAGS.replace("        httponly=True,\n", "")),
        {"httponly"},
    ),
    Attack(
        "cookies: sent without encryption",
        bare_cookies,
        set(),
        cookies_with(FLAGS.replace("        secure=True,\n", "")),
        {"secure"},
    ),
    Attack(
        "cookies: sent by foreign pages",
        bare_cookies,
        set(),
        cookies_with(FLAGS.replace("lax", "none")),
        {"samesite=lax"},
    ),
    Attack(
        "cookies: for every host of a domain",
        bare_cookies,
        set(),
        cookies_with('        domain="127.0.0.1",\n' + FLAGS),
        {"no domain"},
    ),
    Attack(
        "session: a refresh token used twice",
        refresh_again,
        (401, 401),
        Mutant(
            "main_api/sessions/refresh.py", "    if row.used_at is not None:\n", "    if not row:\n"
        ),
        (204, 200),
    ),
    Attack(
        "session: a stolen cookie after signing out everywhere",
        other_device,
        401,
        Built(app=believing(session_reader=cookie_for_ever)),
        200,
    ),
    Attack(
        "session: a neighbour's session ended",
        neighbours_session,
        404,
        without_tenants("main_api"),
        204,
    ),
    Attack(
        "redirect: a return address at Stripe that leads away",
        return_addresses,
        set(),
        Mutant(
            "stripe_payments/connected_accounts/connect.py",
            '            raise BadRequest("returnUrl and refreshUrl must be pages of this application")',
            "            pass",
            service=PAYMENTS,
        ),
        set(LEADS_AWAY),
    ),
)
