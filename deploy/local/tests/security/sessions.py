"""Attacks on cookies and sessions, and on where a seller is sent back to."""

import asyncio

from security.consents import come_back, consented, started
from security.house import (
    ADA,
    BEN,
    EVIL,
    PAYMENTS,
    House,
    bearer,
)
from security.row import Attack, Built, Mutant, without_tenants
from security.weak_parts import believing, cookie_for_ever

from opside_chassis.user_token import UserTokens


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


async def silent_erasure(house: House) -> bool:
    """A thief with Ada's session switches her letters off and orders the end of her account: whether
    nobody writes to her."""
    thief = await house.signed_in()
    path = "/api/notifications/preferences"
    kinds = (await house.ask("GET", path, headers=thief.cookie())).json()["preferences"]
    silent = {"preferences": [one | {"byEmail": False} for one in kinds]}
    chosen = await house.ask("PUT", path, headers=thief.proof(), json=silent)
    assert chosen.status_code == 200, chosen.text
    me = (await house.ask("GET", "/api/me", headers=thief.cookie())).json()
    body = {"confirm": me["email"]}
    ordered = await house.ask("POST", "/api/account/erase", headers=thief.proof(), json=body)
    assert ordered.status_code == 202, ordered.text
    try:
        return not await letter_came(house, str(ordered.json()["erasureId"]))
    finally:
        await house.ask("DELETE", "/api/account/erasure", headers=thief.proof())


async def letter_came(house: House, erasure_id: str) -> bool:
    """Whether Ada's mailbox gets the letter about this order within seconds."""
    mailbox = house.system.place.archive.absolute().with_name("mail")
    for _ in range(50):
        letters = [one.read_text(errors="replace") for one in mailbox.glob("*.eml")]
        if any(f"<{erasure_id}-ordered@" in letter for letter in letters):
            return True
        await asyncio.sleep(0.1)
    return False


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


FLAGS = '        path="/",\n        secure=True,\n        httponly=True,\n        samesite="lax",\n'


def cookies_with(flags: str) -> Mutant:
    """Session cookies with these attributes instead of ours."""
    return Mutant("main_api/sessions/cookies.py", FLAGS, flags)


ATTACKS = (
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
        "session: an account's end ordered behind its owner's back",
        silent_erasure,
        False,
        Mutant(
            "main_api/user_data/own_erasure.py",
            "            await stage(session, TELL_ERASURE, payload, tenant=order.user_id)\n",
            "            pass\n",
        ),
        True,
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
