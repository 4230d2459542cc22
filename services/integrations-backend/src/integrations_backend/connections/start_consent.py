"""Open a consent attempt at Seller Central."""

import hashlib
import secrets
from datetime import timedelta

from integrations_backend.amazon_api.gateway import Amazon
from integrations_backend.connections import queries
from integrations_backend.connections.models import ConsentAttempt
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_contracts.integrations.messages import ConnectionStatus, SellerConsent

STATE_BYTES = 32
ATTEMPT_LIFETIME = timedelta(minutes=10)


def hash_of(secret: str) -> str:
    """What is stored of a state: 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def start_consent(
    sessions: Sessions, amazon: Amazon, *, user_id: str, browser_binding: str, clock: Clock
) -> SellerConsent:
    """A page to go to, good once, for this user in this browser, for ten minutes."""
    state, now = secrets.token_urlsafe(STATE_BYTES), clock()
    async with transaction(sessions, tenant=user_id) as session:
        known = await queries.of_user(session, user_id)
        if known is not None and known.status == ConnectionStatus.CONNECTED.value:
            return SellerConsent(already_connected=True)
        attempt = ConsentAttempt(
            state_hash=hash_of(state),
            user_id=user_id,
            browser_binding=browser_binding,
            expires_at=now + ATTEMPT_LIFETIME,
        )
        await queries.add_attempt(session, attempt, now=now)
    return SellerConsent(already_connected=False, consent_url=amazon.consent_url(state))
