"""A visit to a provider's consent page: opened with a state, taken out once by the return."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from integrations_backend.connections import queries
from integrations_backend.connections.errors import ConsentRefused
from integrations_backend.connections.models import ConsentAttempt
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_contracts.integrations.messages import ConnectionStatus, Provider, SellerConsent

STATE_BYTES = 32
ATTEMPT_LIFETIME = timedelta(minutes=10)


def hash_of(secret: str) -> str:
    """What is stored of a state: 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in user in one browser."""

    user_id: str
    browser_binding: str
    """Hash of the browser's session, as the gateway says it."""


async def start_consent(
    sessions: Sessions,
    provider: Provider,
    page_of: Callable[[str], str],
    *,
    visitor: Visitor,
    clock: Clock,
) -> SellerConsent:
    """The page of a state: good once, for this user in this browser, for ten minutes."""
    state, now = secrets.token_urlsafe(STATE_BYTES), clock()
    async with transaction(sessions, tenant=visitor.user_id) as session:
        known = await queries.of_user(session, visitor.user_id, provider)
        if known is not None and known.status == ConnectionStatus.CONNECTED.value:
            return SellerConsent(already_connected=True)
        attempt = ConsentAttempt(
            state_hash=hash_of(state),
            user_id=visitor.user_id,
            provider=provider.value,
            browser_binding=visitor.browser_binding,
            expires_at=now + ATTEMPT_LIFETIME,
        )
        await queries.add_attempt(session, attempt, now=now)
    return SellerConsent(already_connected=False, consent_url=page_of(state))


async def take_consent(
    sessions: Sessions, provider: Provider, state: str, *, visitor: Visitor, clock: Clock
) -> None:
    """Spend the state of a return, before its code is exchanged.

    Raises:
        ConsentRefused: unknown, used or expired, of another user, browser or provider.
    """
    async with transaction(sessions, tenant=visitor.user_id) as session:
        attempt = await queries.take_attempt(session, hash_of(state), provider)
    if attempt is None or attempt.expires_at < clock():
        raise ConsentRefused("this consent was used already or took too long; start again")
    same_browser = secrets.compare_digest(
        attempt.browser_binding.encode(), visitor.browser_binding.encode()
    )
    if not same_browser:
        raise ConsentRefused("this consent was started in another browser; start again")
