"""The one place where main-api's parts are put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from main_api.amazon_login_api.gateway import AmazonLogin
from main_api.amazon_login_api.live import LiveAmazonLogin
from main_api.archive import EvidenceArchive
from main_api.mail_api.gateway import Mailer
from main_api.mail_api.live import open_mailer
from main_api.settings import Settings
from opside_chassis.access import Access
from opside_chassis.clock import Clock, utc_now
from opside_chassis.database import Database, check_application_role
from opside_chassis.http_client import ServiceClient, provider_client
from opside_chassis.keyring import SigningKey
from opside_chassis.service_token import ServiceTokens
from opside_chassis.user_token import UserTokens
from opside_contracts import scopes
from opside_contracts.integrations.client import IntegrationsClient
from opside_contracts.payments.client import PaymentsClient

SERVICE = "main-api"
SCHEMA = "main_api"
PROVIDER_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Runtime:
    """What routes and jobs are given."""

    settings: Settings
    database: Database
    login: AmazonLogin
    integrations: IntegrationsClient
    payments: PaymentsClient
    upstreams: dict[str, ServiceClient]
    user_tokens: UserTokens
    allowed_origins: frozenset[str]
    evidence: EvidenceArchive
    mailer: Mailer | None
    """None: nothing goes out by e-mail."""
    clock: Clock = utc_now

    def upstream(self, service: str) -> ServiceClient:
        """The client of a service behind the door."""
        return self.upstreams[service]


def service_clients(settings: Settings) -> dict[str, ServiceClient]:
    """Clients of the other two services, speaking as main-api."""
    tokens = ServiceTokens(SigningKey.reread(settings, issuer=SERVICE), SERVICE)
    addresses = {
        "integrations-backend": settings.integrations_url,
        "stripe-payments": settings.payments_url,
    }
    return {name: ServiceClient(url, name, tokens) for name, url in addresses.items()}


def build_access(settings: Settings) -> Access:
    """Whom this service believes, before cookies are known."""
    return Access.from_settings(settings, SERVICE, granted=scopes.GRANTED[SERVICE])


def allowed_origins(settings: Settings) -> frozenset[str]:
    """Pages that may send unsafe requests with a session cookie."""
    return frozenset({settings.app_url, *settings.cors_allowed_origins})


@asynccontextmanager
async def open_runtime(settings: Settings) -> AsyncIterator[Runtime]:
    """Connect everything; close it again at the end.

    Raises:
        WrongSetting: DATABASE_URL names a role that is too strong, MAIL_URL no mail server.
    """
    mailer = open_mailer(settings.mail_url.get_secret_value(), sender=settings.mail_sender)
    evidence = EvidenceArchive.open(settings.evidence_archive_url)
    database = Database.connect(settings.database_url, application_name=SERVICE)
    clients = service_clients(settings)
    amazon = provider_client(settings.amazon_api_url, timeout_seconds=PROVIDER_TIMEOUT_SECONDS)
    try:
        await check_application_role(database.engine, SCHEMA, durable=settings.in_production)
        yield Runtime(
            settings=settings,
            database=database,
            login=LiveAmazonLogin(settings, amazon),
            integrations=IntegrationsClient(clients["integrations-backend"]),
            payments=PaymentsClient(clients["stripe-payments"]),
            upstreams=clients,
            user_tokens=UserTokens(SigningKey.reread(settings, issuer=SERVICE)),
            allowed_origins=allowed_origins(settings),
            evidence=evidence,
            mailer=mailer,
        )
    finally:
        for client in clients.values():
            await client.close()
        await amazon.aclose()
        await database.close()
