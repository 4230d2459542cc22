"""The return from Amazon: one code, one exchange, one session."""

from dataclasses import dataclass

from main_api.accounts.connections import amazon_is_connected
from main_api.accounts.sign_up import Profile, sign_up
from main_api.amazon_login_api.gateway import AmazonLogin
from main_api.sessions import queries, rules
from main_api.sessions.errors import SignInRefused
from main_api.sessions.models import SignInAttempt
from main_api.sessions.open_session import OpenedSession, open_session, session_end
from opside_chassis.clock import Clock
from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_contracts.integrations.messages import AppstoreVisit


@dataclass(frozen=True, slots=True)
class AmazonReturn:
    """What came back with the browser."""

    code: str
    state: str
    browser_secret: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The open session, whether the seller's account is connected already, and where he came from."""

    session: OpenedSession
    amazon_connected: bool
    appstore: AppstoreVisit | None
    """Where the sign-in began in Amazon's Appstore."""


async def finish_sign_in(
    sessions: Sessions,
    login: AmazonLogin,
    returned: AmazonReturn,
    *,
    clock: Clock,
    lifetime_days: int,
) -> SignedIn:
    """Sign the person in.

    Raises:
        SignInRefused: this browser started no such sign-in, or it was used or is too old.
        CodeRefused, AmazonUnavailable: see `AmazonLogin.profile`.
    """
    attempt = await _take_attempt(sessions, returned, clock=clock)
    person = await login.profile(code=returned.code, code_verifier=attempt.code_verifier)
    # Every tenant: whose rows these are is only known once the profile has been looked up.
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        user = await sign_up(session, Profile(person.user_id, person.email, person.name))
        opened = await open_session(
            session,
            user_id=user.user_id,
            role=user.role,
            user_agent=returned.user_agent,
            ends_at=session_end(clock(), lifetime_days),
        )
        connected = await amazon_is_connected(session, user.user_id)
    visit = AppstoreVisit.model_validate(attempt.appstore) if attempt.appstore else None
    return SignedIn(opened, connected, visit)


async def _take_attempt(
    sessions: Sessions, returned: AmazonReturn, *, clock: Clock
) -> SignInAttempt:
    """Taken out and committed before the exchange, so that a state never works twice."""
    async with transaction(sessions) as session:
        attempt = await queries.take_attempt(session, rules.hash_of(returned.state))
    if attempt is None or attempt.expires_at < clock():
        raise SignInRefused("this sign-in was used already or took too long; start again")
    if not rules.same_secret(attempt.browser_hash, rules.hash_of(returned.browser_secret)):
        raise SignInRefused("this sign-in was started in another browser; start again")
    return attempt
