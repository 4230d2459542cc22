"""The click on "Login with Amazon"."""

from dataclasses import dataclass
from datetime import timedelta

from main_api.amazon_login_api.gateway import AmazonLogin
from main_api.sessions import queries, rules
from main_api.sessions.models import SignInAttempt
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_contracts.integrations.messages import AppstoreVisit


@dataclass(frozen=True, slots=True)
class StartedSignIn:
    """Where to send the browser, and the cookie that ties the return to it."""

    consent_url: str
    browser_secret: str


async def start_sign_in(
    sessions: Sessions, login: AmazonLogin, *, clock: Clock, appstore: AppstoreVisit | None = None
) -> StartedSignIn:
    """Open an attempt that is good for one return of this browser within ten minutes."""
    state, browser_secret, verifier = (rules.new_secret() for _ in range(3))
    now = clock()
    attempt = SignInAttempt(
        state_hash=rules.hash_of(state),
        browser_hash=rules.hash_of(browser_secret),
        code_verifier=verifier,
        expires_at=now + timedelta(seconds=rules.ATTEMPT_LIFETIME_SECONDS),
        appstore=appstore.model_dump(mode="json") if appstore else None,
    )
    async with transaction(sessions) as session:
        await queries.forget_expired_attempts(session, now)
        await queries.add(session, attempt)
    url = login.consent_url(state=state, code_challenge=rules.code_challenge(verifier))
    return StartedSignIn(url, browser_secret)
