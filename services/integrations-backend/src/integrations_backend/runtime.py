"""The one place where integrations-backend's parts are put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from integrations_backend.amazon_api.gateway import Amazon
from integrations_backend.amazon_api.live import LiveAmazon
from integrations_backend.amazon_api.pacing import Pacing
from integrations_backend.amazon_api.shared_buckets import SharedBuckets
from integrations_backend.archive import Archive
from integrations_backend.gmail_api.gateway import Gmail
from integrations_backend.gmail_api.live import LiveGmail
from integrations_backend.settings import Settings
from integrations_backend.stripe_oauth_api.gateway import StripeOAuth
from integrations_backend.stripe_oauth_api.live import LiveStripe
from integrations_backend.vault.tokens import TokenVault
from opside_chassis.access import Access
from opside_chassis.clock import Clock, utc_now
from opside_chassis.database import Database, check_application_role
from opside_chassis.http_client import ServiceClient, provider_client
from opside_chassis.key_file import Rereading
from opside_chassis.keyring import SigningKey
from opside_chassis.service_token import ServiceTokens
from opside_chassis.vault import Vault
from opside_contracts import scopes
from opside_contracts.accounts.client import AccountsClient
from opside_contracts.integrations.messages import Provider
from opside_contracts.payments.client import PaymentsClient

SERVICE = "integrations-backend"
SCHEMA = "integrations"
PROVIDER_TIMEOUT_SECONDS = 10.0
LARGEST_MAIL_ANSWER_BYTES = 40 * 1024 * 1024
"""Gmail's largest message is 25 MB; in base64 and JSON it is a third longer."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What routes and jobs are given."""

    settings: Settings
    database: Database
    amazon: Amazon
    tokens: TokenVault
    """Amazon's; `tokens.of(provider)` are another's."""
    gmail: Gmail | None
    """None: this installation reads no mail."""
    stripe: StripeOAuth | None
    """None: this installation links no Stripe accounts."""
    archive: Archive
    accounts: AccountsClient
    payments: PaymentsClient
    clock: Clock = utc_now


def build_access(settings: Settings) -> Access:
    """Whom this service believes."""
    return Access.from_settings(settings, SERVICE, granted=scopes.GRANTED[SERVICE])


def build_vault(settings: Settings) -> Rereading[Vault]:
    """The vault of providers' tokens, with the keys that KEYS_FILE has now."""
    return Rereading(settings, lambda now: Vault(now.vault_keys, active_kid=now.encryption_key_id))


@asynccontextmanager
async def open_runtime(settings: Settings) -> AsyncIterator[Runtime]:
    """Connect everything; close it again at the end.

    Raises:
        WrongSetting: the database role is too strong, or the archive cannot be written.
    """
    archive = Archive.open(settings.archive_url, settings.bucket_access)
    database = Database.connect(settings.database_url, application_name=SERVICE)
    tokens = ServiceTokens(SigningKey.reread(settings, issuer=SERVICE), SERVICE)
    main_api = ServiceClient(settings.main_api_url, "main-api", tokens)
    payments = ServiceClient(settings.payments_url, "stripe-payments", tokens)
    lwa = provider_client(settings.amazon_lwa_url, timeout_seconds=PROVIDER_TIMEOUT_SECONDS)
    sp_api = provider_client(settings.amazon_sp_api_url, timeout_seconds=PROVIDER_TIMEOUT_SECONDS)
    google = provider_client(settings.gmail_token_url, timeout_seconds=PROVIDER_TIMEOUT_SECONDS)
    connect = provider_client(settings.stripe_connect_url, timeout_seconds=PROVIDER_TIMEOUT_SECONDS)
    stripe_api = provider_client(
        settings.stripe_api_base_url, timeout_seconds=PROVIDER_TIMEOUT_SECONDS
    )
    gmail_api = provider_client(
        settings.gmail_api_url,
        timeout_seconds=PROVIDER_TIMEOUT_SECONDS,
        max_body_bytes=LARGEST_MAIL_ANSWER_BYTES,
    )
    buckets = SharedBuckets.connect(settings.redis_url, application=settings.amazon_client_id)
    pacing = Pacing(buckets)
    try:
        await check_application_role(database.engine, SCHEMA, durable=settings.in_production)
        yield Runtime(
            settings=settings,
            database=database,
            amazon=LiveAmazon(settings, lwa, sp_api, pacing=pacing),
            tokens=TokenVault(database.sessions, build_vault(settings), utc_now, Provider.AMAZON),
            stripe=LiveStripe(settings, connect, stripe_api) if settings.links_stripe else None,
            gmail=LiveGmail(settings, google, gmail_api) if settings.reads_mail else None,
            archive=archive,
            accounts=AccountsClient(main_api),
            payments=PaymentsClient(payments),
        )
    finally:
        for client in (main_api, payments):
            await client.close()
        for provider in (connect, google, gmail_api, lwa, sp_api, stripe_api):
            await provider.aclose()
        await pacing.close()
        await database.close()
