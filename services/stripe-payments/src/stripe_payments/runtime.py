"""The one place where stripe-payments' parts are put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from operator import attrgetter

from opside_chassis.access import Access
from opside_chassis.clock import Clock, utc_now
from opside_chassis.database import Database, check_application_role
from opside_chassis.http_client import ServiceClient
from opside_chassis.intake import Intake
from opside_chassis.key_file import Rereading
from opside_chassis.keyring import SigningKey
from opside_chassis.service_token import ServiceTokens
from opside_contracts import scopes
from opside_contracts.accounts.client import AccountsClient
from stripe_payments.roles import API
from stripe_payments.settings import Settings, WebhookSecrets
from stripe_payments.stripe_api.gateway import Stripe
from stripe_payments.stripe_api.live import LiveStripe

SERVICE = "stripe-payments"
SCHEMA = "payments"


@dataclass(frozen=True, slots=True)
class Runtime:
    """What routes and jobs are given."""

    settings: Settings
    database: Database
    stripe: Stripe
    accounts: AccountsClient
    webhook_secrets: Rereading[WebhookSecrets]
    intake: Intake
    clock: Clock = utc_now


def build_access(settings: Settings) -> Access:
    """Whom this service believes."""
    return Access.from_settings(settings, SERVICE, granted=scopes.GRANTED[SERVICE])


def webhook_secrets(settings: Settings) -> Rereading[WebhookSecrets]:
    """The active signing secrets, as KEYS_FILE has them now."""
    return Rereading(settings, attrgetter("webhook_secrets"))


@asynccontextmanager
async def open_runtime(settings: Settings, *, role: str = API) -> AsyncIterator[Runtime]:
    """Connect everything, as the given duty; close it again at the end.

    Raises:
        WrongSetting: DATABASE_URL names a role that is too strong.
    """
    database = Database.connect(settings.database_url, application_name=SERVICE, role=role)
    tokens = ServiceTokens(SigningKey.reread(settings, issuer=SERVICE), SERVICE)
    main_api = ServiceClient(settings.main_api_url, "main-api", tokens)
    live = LiveStripe(settings)
    try:
        await check_application_role(database.engine, SCHEMA, durable=settings.in_production)
        accounts = AccountsClient(main_api)
        secrets, intake = webhook_secrets(settings), Intake(database.sessions)
        yield Runtime(settings, database, live, accounts, secrets, intake)
    finally:
        await live.close()
        await main_api.close()
        await database.close()
