"""Attacks on the way through Amazon's consent page: states, codes, browsers, and where it leads."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from security.house import (
    ADA,
    BEN,
    EVIL,
    INTEGRATIONS,
    MAIN_API,
    SESSION,
    House,
    Session,
    bearer,
)
from security.row import Attack, Built, Mutant, without_tenants

from opside_contracts import scopes
from opside_local.journey.pages import Page
from opside_local.journey.people import Person

START, CALLBACK = "/api/auth/amazon/start", "/api/auth/amazon/callback"
SIGN_IN = "__Host-opside_sign_in"
FINISH = "main_api/sessions/finish_sign_in.py"


@dataclass(frozen=True)
class Started:
    """A sign-in that a browser began: Amazon's page, and the cookie that ties the return to it."""

    consent_url: str
    secret: str


async def started(house: House, **query: str) -> Started:
    """The click on "Login with Amazon"."""
    answer = await house.ask("GET", START, params=query)
    return Started(answer.headers["location"], cookies_of(answer)[SIGN_IN])


async def consented(house: House, consent_url: str, person: Person) -> dict[str, str]:
    """Somebody allows it at Amazon; answers what his browser is sent back with."""
    async with httpx.AsyncClient(trust_env=False) as browser:
        page = await browser.get(consent_url)
        form = Page(str(page.url), page.status_code, page.text).form(offering="persona")
        fields = form.fields | {"persona": person.persona, "decision": "allow"}
        sent = {"data": fields} if form.method == "post" else {"params": fields}
        answer = await browser.request(form.method.upper(), form.action, **sent)  # type: ignore[arg-type]
        while urlsplit(answer.headers["location"]).path != CALLBACK:
            answer = await browser.get(answer.headers["location"])
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    return {name: values[0] for name, values in query.items()}


async def come_back(house: House, returned: dict[str, str], secret: str = "") -> httpx.Response:
    """The return from Amazon, in the browser that has this cookie."""
    headers = {"Cookie": f"{SIGN_IN}={secret}"} if secret else {}
    return await house.ask("GET", CALLBACK, params=returned, headers=headers)


def cookies_of(answer: httpx.Response) -> dict[str, str]:
    """What an answer sets, by name."""
    raw = (line.partition(";")[0] for line in answer.headers.get_list("set-cookie"))
    return dict(one.split("=", 1) for one in raw)


def signed_in(answer: httpx.Response) -> bool:
    """Whether the browser now has a session."""
    return bool(cookies_of(answer).get(SESSION))


async def state_used_twice(house: House) -> bool:
    begun = await started(house)
    first = await consented(house, begun.consent_url, ADA)
    assert signed_in(await come_back(house, first, begun.secret))
    again = await consented(house, begun.consent_url, ADA)
    return signed_in(await come_back(house, again, begun.secret))


async def stolen_code(house: House) -> bool:
    """Ada's code, caught before her browser used it, in a sign-in of the thief's own."""
    victim, thief = await started(house), await started(house)
    caught = await consented(house, victim.consent_url, ADA)
    own = await consented(house, thief.consent_url, BEN)
    return signed_in(await come_back(house, own | {"code": caught["code"]}, thief.secret))


async def anothers_return(house: House) -> bool:
    """Ada is made to open the return of Ben's sign-in: she would work in his account."""
    bens = await started(house)
    returned = await consented(house, bens.consent_url, BEN)
    hers = await started(house)
    return signed_in(await come_back(house, returned, hers.secret))


async def old_state(house: House) -> bool:
    begun = await started(house)
    returned = await consented(house, begun.consent_url, ADA)
    await house.sql("UPDATE main_api.sign_in_attempts SET expires_at = $1", datetime.now(UTC))
    return signed_in(await come_back(house, returned, begun.secret))


RETURNS = ("next", "return_to", "returnUrl", "redirect_uri", "url", "continue")


async def led_away(house: House) -> set[str]:
    """Every redirect of a sign-in whose addresses name a page of the attacker's; where it led."""
    wanted = dict.fromkeys(RETURNS, EVIL)
    begun = await started(house, **wanted)
    returned = await consented(house, begun.consent_url, ADA)
    headers = {
        "Cookie": f"{SIGN_IN}={begun.secret}",
        "Referer": EVIL,
        "X-Forwarded-Host": "evil.test",
    }
    answers = [
        await house.ask("GET", CALLBACK, params=wanted | returned, headers=headers),
        await house.ask(
            "GET", CALLBACK, params=wanted | {"error": "access_denied"}, headers=headers
        ),
        await house.ask("GET", "/", params=wanted, headers=headers | {"Host": "evil.test"}),
    ]
    hosts = {urlsplit(begun.consent_url).hostname, *(_host_of(answer) for answer in answers)}
    return {str(host) for host in hosts if host not in {"127.0.0.1", None}}


def _host_of(answer: httpx.Response) -> str | None:
    return urlsplit(answer.headers["location"]).hostname


async def hosts_redirect(house: House) -> str | None:
    """A slash too many, and a Host of the attacker's: where the answer leads."""
    answer = await house.ask("GET", "/api/me/", headers={"Host": "evil.test"})
    return urlsplit(answer.headers.get("location", "")).hostname


async def planted_session(house: House) -> bool:
    """The attacker plants cookies that he knows, then Ada signs in: is her session one he knows?"""
    await house.sql("DELETE FROM main_api.sessions WHERE id = 'ses_planted'")
    known = {SESSION: "ses_planted", "__Host-opside_refresh": "planted", SIGN_IN: "planted"}
    begun = await started(house)
    returned = await consented(house, begun.consent_url, ADA)
    sent = "; ".join(f"{name}={value}" for name, value in (known | {SIGN_IN: begun.secret}).items())
    answer = await house.ask("GET", CALLBACK, params=returned, headers={"Cookie": sent})
    given = cookies_of(answer)
    me = {"Cookie": f"{SESSION}={given[SESSION]}"}
    sessions = (await house.ask("GET", "/api/auth/sessions", headers=me)).json()
    ids = {one["sessionId"] for one in sessions}
    return bool({"ses_planted"} & ids or set(given.values()) & set(known.values()))


async def sellers_consent(house: House, other: Person, binding: str) -> str:
    """A consent that Ada began in one browser comes back for this person in the browser with this
    binding; what the dashboard is told. The gateway's own token, since it alone speaks of browsers."""
    ada, who = await house.signed_in(ADA), await house.signed_in(other)
    url = f"{house.integrations}/api/amazon/auth"
    page = (await house.ask("GET", url, headers=gateway(house, ada, "b1"))).json()["consentUrl"]
    state = parse_qs(urlsplit(page).query)["state"][0]
    query = {"state": state, "spapi_oauth_code": "x" * 20, "selling_partner_id": "A1"}
    url = f"{house.integrations}/api/amazon/callback"
    answer = await house.ask("GET", url, params=query, headers=gateway(house, who, binding))
    return parse_qs(urlsplit(answer.headers["location"]).query)["connect"][0]


def gateway(house: House, session: Session, binding: str) -> dict[str, str]:
    """What main-api sends to integrations-backend for a signed-in user in a browser."""
    acting = {"act_for": session.user_id, "act_role": "user"}
    token = house.service_token(MAIN_API, INTEGRATIONS, scopes.ACT_FOR_USER, **acting)
    return bearer(token) | {"X-Opside-Browser-Binding": binding}


NOT_AMAZON = (
    EVIL,
    "https://sellercentral.amazon.com.evil.test/",
    "https://sellercentral.amazon.com@evil.test/",
    "https://sellercentral.amazon.com\\@evil.test/",
    "http://sellercentral.amazon.com/",
    "javascript:alert(1)",
)


async def appstore_addresses(house: House) -> set[str]:
    """A link to our Login URI, as an attacker writes it: to which addresses the consent would go on."""
    ada = await house.signed_in()
    acting = {"act_for": ada.user_id}
    token = house.service_token(MAIN_API, INTEGRATIONS, scopes.START_CONSENT, **acting)
    led = set()
    for address in NOT_AMAZON:
        body = {
            "userId": ada.user_id,
            "browserBinding": "b" * 16,
            "appstore": {"callbackUri": address, "amazonState": "1"},
        }
        url = f"{house.integrations}/internal/amazon/consents"
        answer = await house.ask("POST", url, headers=bearer(token), json=body)
        if answer.is_success:
            led.add(address)
    return led


def one_challenge(runtime: Any, _house: House) -> Any:
    """A runtime that signs in without PKCE: every sign-in has the same verifier."""

    class Login:
        async def profile(self, *, code: str, code_verifier: str) -> Any:
            del code_verifier
            return await runtime.login.profile(code=code, code_verifier="")

        def consent_url(self, *, state: str, code_challenge: str) -> str:
            url: str = runtime.login.consent_url(state=state, code_challenge=code_challenge)
            return url.partition("&code_challenge=")[0]

    return replace(runtime, login=Login())


def clock_back(runtime: Any, _house: House) -> Any:
    return replace(runtime, clock=lambda: datetime.now(UTC) - timedelta(hours=1))


ATTACKS = (
    Attack(
        "sign-in: a state used twice",
        state_used_twice,
        False,
        Mutant(
            "main_api/sessions/queries.py",
            "        delete(SignInAttempt).where(SignInAttempt.state_hash == state_hash)"
            ".returning(SignInAttempt)",
            "        select(SignInAttempt).where(SignInAttempt.state_hash == state_hash)",
        ),
        True,
    ),
    Attack(
        "sign-in: a code caught on its way (PKCE)",
        stolen_code,
        False,
        Built(runtime=one_challenge),
        True,
    ),
    Attack(
        "sign-in: the return of somebody else's sign-in",
        anothers_return,
        False,
        Mutant(
            FINISH,
            "    if not rules.same_secret(attempt.browser_hash, rules.hash_of(returned.browser_secret)):",
            "    if not attempt.browser_hash:",
        ),
        True,
    ),
    Attack(
        "sign-in: a state older than ten minutes", old_state, False, Built(runtime=clock_back), True
    ),
    Attack(
        "sign-in: a page of the attacker's as the end",
        led_away,
        set(),
        Mutant(
            "main_api/sessions/routes.py",
            '    target = f"{parts.settings.app_url}/dashboard"\n    if not signed_in.amazon_connected:\n',
            '    target = request.query_params["next"]\n    if not target:\n',
        ),
        {"evil.test"},
    ),
    Attack(
        "redirect: built from the client's Host",
        hosts_redirect,
        None,
        Built(app=lambda app, _: setattr(app.router, "redirect_slashes", True)),
        "evil.test",
    ),
    Attack(
        "redirect: an Appstore that is not Amazon's",
        appstore_addresses,
        set(),
        Mutant(
            "integrations_backend/amazon_api/appstore.py",
            '    if f"{parts.scheme}://{parts.netloc}" not in theirs:',
            "    if not theirs:",
            service=INTEGRATIONS,
        ),
        set(NOT_AMAZON),
    ),
    Attack(
        "sign-in: a session that the attacker planted",
        planted_session,
        False,
        Mutant(
            "main_api/sessions/open_session.py",
            'OpenedSession(new_id("ses"), user_id',
            'OpenedSession("ses_planted", user_id',
        ),
        True,
    ),
    Attack(
        "consent: of another seller",
        lambda house: sellers_consent(house, BEN, "b1"),
        "consent_refused",
        without_tenants("integrations"),
        "not_granted",
    ),
    Attack(
        "consent: begun in another browser",
        lambda house: sellers_consent(house, ADA, "b2"),
        "consent_refused",
        Mutant(
            "integrations_backend/connections/consents.py",
            "    if not same_browser:",
            "    if not attempt:",
            service=INTEGRATIONS,
        ),
        "not_granted",
    ),
)
