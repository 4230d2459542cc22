"""The return from Seller Central: exchange the code once, prove that it works, connect."""

from dataclasses import dataclass

from integrations_backend.amazon_api.errors import (
    AccessDenied,
    AmazonUnavailable,
    GrantRefused,
    Throttled,
)
from integrations_backend.amazon_api.gateway import Amazon
from integrations_backend.connections import queries
from integrations_backend.connections.consents import Visitor, take_consent
from integrations_backend.connections.errors import AccountTaken, NotGranted
from integrations_backend.connections.models import SellerConnection
from integrations_backend.connections.state import set_status
from integrations_backend.grants import Grant
from integrations_backend.human_cases import open_case
from integrations_backend.reports.marketplaces import is_known
from integrations_backend.vault.tokens import TokenVault
from opside_chassis.clock import Clock
from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.outbox import stage
from opside_contracts.integrations.messages import ConnectionStatus, Provider

ONBOARD_STRIPE = "onboard_stripe"
FIRST_SYNC = "start_first_sync"
ACCOUNT_TAKEN = "account_taken"
"""The kind of the case that is opened when two users claim one selling account."""


@dataclass(frozen=True, slots=True)
class ConsentReturn:
    """What came back with the browser of a signed-in user."""

    visitor: Visitor
    state: str
    code: str
    seller_id: str

    @property
    def user_id(self) -> str:
        """Whose consent it is."""
        return self.visitor.user_id


@dataclass(frozen=True, slots=True)
class Connector:
    """What connecting needs."""

    sessions: Sessions
    amazon: Amazon
    tokens: TokenVault
    clock: Clock

    async def connect(self, returned: ConsentReturn) -> None:
        """One transaction stores tokens, connection, the event, onboarding and the first sync.

        Raises:
            ConsentRefused: unknown, used or expired state, other user or other browser.
            NotGranted: Amazon does not accept the code, or gives no access.
            AccountTaken: the selling account belongs to another user.
        """
        await take_consent(
            self.sessions,
            Provider.AMAZON,
            returned.state,
            visitor=returned.visitor,
            clock=self.clock,
        )
        grant, marketplace_id = await self._exchange(returned.code)
        try:
            await self._keep(returned, grant, marketplace_id)
        except AccountTaken:
            await self._ask_a_person(returned)
            raise

    async def _keep(self, returned: ConsentReturn, grant: Grant, marketplace_id: str) -> None:
        # Every tenant: whether somebody else has the account can only be seen that way.
        async with transaction(self.sessions, tenant=EVERY_TENANT) as session:
            owner = await queries.owner_of(session, returned.seller_id, Provider.AMAZON)
            if owner not in {None, returned.user_id}:
                raise AccountTaken("this selling account is connected to another user")
            await self.tokens.keep(session, user_id=returned.user_id, grant=grant)
            connection = await queries.of_user(
                session, returned.user_id, Provider.AMAZON, lock=True
            )
            connection = connection or SellerConnection(
                user_id=returned.user_id, provider=Provider.AMAZON.value
            )
            connection.account_id = returned.seller_id
            connection.marketplace_id = marketplace_id
            await set_status(session, connection, ConnectionStatus.CONNECTED, now=self.clock())
            for kind in (ONBOARD_STRIPE, FIRST_SYNC):
                await stage(
                    session,
                    kind,
                    {"userId": returned.user_id},
                    tenant=returned.user_id,
                    dedupe_key=f"{kind}:{returned.user_id}:{connection.changes}",
                )

    async def _ask_a_person(self, returned: ConsentReturn) -> None:
        """Merchant ids are public, and no answer of Amazon's names the one that a grant is for.

        So the first to claim an account may be the wrong one; only a person can find out.
        """
        async with transaction(self.sessions, tenant=EVERY_TENANT) as session:
            owner = await queries.owner_of(session, returned.seller_id, Provider.AMAZON)
            await open_case(
                session,
                kind=ACCOUNT_TAKEN,
                reference=f"{returned.seller_id}:{returned.user_id}",
                reason=f"{returned.user_id} was granted access and names the selling account"
                f" {returned.seller_id}, which {owner} has connected: ask both for proof",
            )

    async def _exchange(self, code: str) -> tuple[Grant, str]:
        try:
            grant = await self.amazon.exchange(code)
            marketplaces = await self.amazon.marketplaces(grant.access_token)
        except (GrantRefused, AccessDenied) as error:
            raise NotGranted("Amazon did not grant access; start again") from error
        except (AmazonUnavailable, Throttled) as error:
            raise NotGranted("Amazon does not answer; start again in a minute") from error
        store = next((one for one in marketplaces if is_known(one)), None)
        if store is None:
            raise NotGranted("this account sells in no marketplace that we know")
        return grant, store
