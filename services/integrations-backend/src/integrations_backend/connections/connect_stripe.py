"""The return from Stripe: exchange the code once, see that the account opens, connect; and the end of it."""

from dataclasses import dataclass

from integrations_backend.connections import queries
from integrations_backend.connections.consents import Visitor, start_consent, take_consent
from integrations_backend.connections.errors import NotGranted
from integrations_backend.connections.keep_account import OpenedAccount, keep_account
from integrations_backend.connections.state import set_status
from integrations_backend.grants import GrantRefused
from integrations_backend.stripe_oauth_api.errors import (
    NoAccess,
    RequestRefused,
    StripeUnavailable,
    Throttled,
    TokenRefused,
)
from integrations_backend.stripe_oauth_api.gateway import AccountGrant, StripeOAuth
from integrations_backend.vault.tokens import TokenVault
from opside_chassis.clock import Clock
from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.outbox import StagedJob, stage
from opside_contracts.integrations.messages import ConnectionStatus, Provider, SellerConsent

PULL_STRIPE = "pull_stripe_transactions"
DEAUTHORIZE_STRIPE = "deauthorize_stripe"


@dataclass(frozen=True, slots=True)
class StripeConsents:
    """What linking and leaving a Stripe account needs; `tokens` are those of Stripe."""

    sessions: Sessions
    stripe: StripeOAuth
    tokens: TokenVault
    clock: Clock

    async def start(self, visitor: Visitor) -> SellerConsent:
        """Stripe's page, good once, for this user in this browser."""
        return await start_consent(
            self.sessions,
            Provider.STRIPE,
            self.stripe.consent_url,
            visitor=visitor,
            clock=self.clock,
        )

    async def connect(self, visitor: Visitor, *, state: str, code: str) -> None:
        """One transaction stores tokens, connection, the event and the first pull.

        Raises:
            ConsentRefused: unknown, used or expired state, other user or other browser.
            NotGranted: Stripe does not accept the code, or does not answer.
            AccountTaken: the Stripe account belongs to another user.
        """
        await take_consent(self.sessions, Provider.STRIPE, state, visitor=visitor, clock=self.clock)
        granted = await self._exchange(code)
        user_id = visitor.user_id
        opened = OpenedAccount(
            granted.account_id,
            granted.grant,
            lambda session, once: stage(
                session, PULL_STRIPE, {}, tenant=user_id, dedupe_key=f"{PULL_STRIPE}:{once}"
            ),
        )
        await keep_account(self.sessions, self.tokens, self.clock, user_id=user_id, opened=opened)

    async def _exchange(self, code: str) -> AccountGrant:
        try:
            granted = await self.stripe.exchange(code)
            opened = await self.stripe.account(granted.grant.access_token)
        except (GrantRefused, TokenRefused, NoAccess, RequestRefused) as error:
            raise NotGranted("Stripe did not grant access; start again") from error
        except (StripeUnavailable, Throttled) as error:
            raise NotGranted("Stripe does not answer; start again in a minute") from error
        if opened.account_id != granted.account_id:
            raise NotGranted("Stripe's tokens open another account than it named; start again")
        return granted

    async def disconnect(self, user_id: str) -> None:
        """Tokens go at once, and with them every job's access; Stripe is told by a job.

        What was recorded stays. A job, since Stripe may be away and must hear of it in the end.
        """
        async with transaction(self.sessions, tenant=user_id) as session:
            await self.tokens.forget(session, user_id=user_id)
            connection = await queries.of_user(session, user_id, Provider.STRIPE, lock=True)
            if connection is None or connection.status == ConnectionStatus.NOT_CONNECTED.value:
                return
            payload = {"accountId": connection.account_id}
            await set_status(session, connection, ConnectionStatus.NOT_CONNECTED, now=self.clock())
            await stage(session, DEAUTHORIZE_STRIPE, payload, tenant=user_id)

    async def deauthorize(self, job: StagedJob) -> None:
        """The job that ends our access at Stripe; an account that was linked anew stays so.

        Raises:
            StripeUnavailable: again later.
        """
        account_id = str(job.payload["accountId"])
        # Every tenant: another user may have linked the account meanwhile.
        async with transaction(self.sessions, tenant=EVERY_TENANT) as session:
            owner = await queries.owner_of(session, account_id, Provider.STRIPE)
        if owner is None:
            await self.stripe.deauthorize(account_id)
