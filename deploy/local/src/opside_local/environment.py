"""The environment of every program: what a deployment would set, here for one machine.

Nothing of the caller's environment reaches a service but what is named below: a key that somebody
exported for another project must never be charged by a demo.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from opside_chassis.migration import role_url
from opside_local.key_files import moved_out
from opside_local.ports import HOST, Ports
from opside_local.secrets import INTEGRATIONS, MAIN_API, PAYMENTS, SCHEMAS, Secrets

MACHINE = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""What a program needs from the machine it runs on."""
PASSED_ON = (
    "LOG_LEVEL",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "PLATFORM_FEE_PERCENTAGE",
    "COLLECTION_MODE",
    "SYNC_INTERVAL_SECONDS",
)
"""Settings a developer may change for a run; they do no harm."""
RATE_LIMIT_MAX_REQUESTS = 6000
"""A minute. The demo's sellers share one address and poll; a person would never reach it."""
SANDBOX_SEED = "opside"
WEBHOOK_RETRY_SCALE = "0.001"
"""Stripe's hours between deliveries become seconds."""

AMAZON_RATE_FACTOR = "20"
"""Amazon allows one report request a minute; a demo of three sellers would take an hour."""
AMAZON_REPORT_SECONDS = "0.2"
"""Amazon's minutes of preparing a report."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the two engines answer: ours, or those that the caller named."""

    admin_database_url: str
    redis_url: str


@dataclass(frozen=True, slots=True)
class Urls:
    """The doors of the running system."""

    main_api: str
    integrations: str
    payments: str
    stripe: str
    amazon: str
    gmail: str
    control: str

    @classmethod
    def local(cls, ports: Ports) -> "Urls":
        """All on the loopback address."""
        return cls(**{name: f"http://{HOST}:{getattr(ports, name)}" for name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class Place:
    """One copy of the system: what every environment is made from.

    `urls` are what the services call, `public` what a browser opens; on one machine the same.
    `record`: the folder of a recording of what was asked of the sandbox; None records nothing.
    """

    archive: Path
    sandbox_state: Path
    ports: Ports
    urls: Urls
    public: Urls
    servers: Servers
    secrets: Secrets
    record: Path | None = None
    keys: Path | None = None
    """A folder of key files that running services follow; None: keys stand in the environment."""


def machine(extra: Mapping[str, str]) -> dict[str, str]:
    """The bare environment of a child process, and `extra`."""
    kept = {name: os.environ[name] for name in MACHINE if name in os.environ}
    return {**kept, "PYTHONUNBUFFERED": "1", **extra}


def service(place: Place, name: str) -> dict[str, str]:
    """The settings of one service and of its worker."""
    passed = {name: os.environ[name] for name in PASSED_ON if os.environ.get(name)}
    settings = {**_shared(place, name), **_OWN[name](place), **passed}
    return settings if place.keys is None else moved_out(settings, place.keys, name)


def migration(place: Place, name: str) -> dict[str, str]:
    """What alembic needs for one service: its own schema, as the owner."""
    schema = SCHEMAS[name]
    owner = role_url(
        place.servers.admin_database_url,
        role=f"{schema}_owner",
        password=place.secrets.database[schema].owner,
    )
    return {"DATABASE_OWNER_URL": owner}


def sandbox(place: Place) -> dict[str, str]:
    """The stand-ins of Stripe, Amazon and Gmail, with the control API."""
    secrets, ports = place.secrets, place.ports
    return {
        "SANDBOX_STATE": str(place.sandbox_state),
        "SANDBOX_RECORD": "" if place.record is None else str(place.record.absolute()),
        "SANDBOX_SEED": SANDBOX_SEED,
        "SANDBOX_HOST": HOST,
        "SANDBOX_STRIPE_PORT": str(ports.stripe),
        "SANDBOX_AMAZON_PORT": str(ports.amazon),
        "SANDBOX_GMAIL_PORT": str(ports.gmail),
        "SANDBOX_CONTROL_PORT": str(ports.control),
        "SANDBOX_CONTROL": "on",
        "SANDBOX_WEBHOOK_RETRY_SCALE": WEBHOOK_RETRY_SCALE,
        "SANDBOX_AMAZON_RATE_FACTOR": AMAZON_RATE_FACTOR,
        "SANDBOX_AMAZON_REPORT_SECONDS": AMAZON_REPORT_SECONDS,
        "SANDBOX_STRIPE_CLIENT_ID": secrets.stripe_client_id,
        "SANDBOX_STRIPE_REDIRECT_URIS": f"{place.public.main_api}/api/stripe/callback",
        "SANDBOX_WEBHOOK_URL": f"{place.urls.payments}/webhooks/stripe",
        "SANDBOX_WEBHOOK_SECRET": secrets.webhook_secret,
        "SANDBOX_WEBHOOK_CONNECT_SECRET": secrets.connect_webhook_secret,
        "SANDBOX_AMAZON_LOGIN_CLIENT_ID": secrets.amazon_login.client_id,
        "SANDBOX_AMAZON_LOGIN_CLIENT_SECRET": secrets.amazon_login.client_secret,
        "SANDBOX_AMAZON_LOGIN_REDIRECT_URIS": _login_redirect(place),
        "SANDBOX_AMAZON_CLIENT_ID": secrets.amazon_seller.client_id,
        "SANDBOX_AMAZON_CLIENT_SECRET": secrets.amazon_seller.client_secret,
        "SANDBOX_AMAZON_APPLICATION_ID": secrets.amazon_seller.application_id,
        "SANDBOX_AMAZON_REDIRECT_URIS": _seller_redirect(place),
        "SANDBOX_GMAIL_CLIENT_ID": secrets.gmail.client_id,
        "SANDBOX_GMAIL_CLIENT_SECRET": secrets.gmail.client_secret,
        "SANDBOX_GMAIL_REDIRECT_URIS": f"{place.public.main_api}/api/gmail/callback",
    }


def _shared(place: Place, name: str) -> dict[str, str]:
    secrets, urls, schema = place.secrets, place.urls, SCHEMAS[name]
    keys = secrets.service_keys
    return {
        "ENVIRONMENT": "development",
        "HOST": HOST,
        "DATABASE_URL": role_url(
            place.servers.admin_database_url,
            role=f"{schema}_app",
            password=secrets.database[schema].app,
        ),
        "REDIS_URL": place.servers.redis_url,
        "RATE_LIMIT_MAX_REQUESTS": str(RATE_LIMIT_MAX_REQUESTS),
        "CORS_ALLOWED_ORIGINS": json.dumps([place.public.main_api]),
        "SERVICE_KEY_ID": keys[name].kid,
        "SERVICE_PRIVATE_KEY": keys[name].private_key,
        "SERVICE_PUBLIC_KEYS": json.dumps(
            [
                {"kid": key.kid, "issuer": issuer, "public_key": key.public_key}
                for issuer, key in keys.items()
            ]
        ),
        "MAIN_API_URL": urls.main_api,
        "INTEGRATIONS_URL": urls.integrations,
        "PAYMENTS_URL": urls.payments,
        "APP_URL": place.public.main_api,
    }


def _main_api(place: Place) -> dict[str, str]:
    client = place.secrets.amazon_login
    return {
        "PORT": str(place.ports.main_api),
        "AMAZON_LOGIN_CLIENT_ID": client.client_id,
        "AMAZON_LOGIN_CLIENT_SECRET": client.client_secret,
        "AMAZON_LOGIN_REDIRECT_URI": _login_redirect(place),
        "AMAZON_LOGIN_URL": place.public.amazon,
        "AMAZON_API_URL": place.urls.amazon,
        "EVIDENCE_ARCHIVE_URL": place.archive.absolute().with_name("evidence").as_uri(),
        # A newcomer wants to see the fee now; real sellers have days to object.
        "COMMISSION_REVIEW_DAYS": "0",
        "MAIL_URL": place.archive.absolute().with_name("mail").as_uri(),
        "MAIL_EVERY_SECONDS": "5",
        **_encryption(place),
    }


def _integrations(place: Place) -> dict[str, str]:
    client = place.secrets.amazon_seller
    return {
        "PORT": str(place.ports.integrations),
        "AMAZON_CLIENT_ID": client.client_id,
        "AMAZON_CLIENT_SECRET": client.client_secret,
        "AMAZON_APPLICATION_ID": client.application_id,
        "AMAZON_REDIRECT_URI": _seller_redirect(place),
        "AMAZON_SELLER_CENTRAL_URL": place.public.amazon,
        "AMAZON_LWA_URL": place.urls.amazon,
        "AMAZON_SP_API_URL": place.urls.amazon,
        **_gmail(place),
        **_stripe_connect(place),
        "ARCHIVE_URL": place.archive.absolute().as_uri(),
        **_encryption(place),
    }


def _gmail(place: Place) -> dict[str, str]:
    client = place.secrets.gmail
    return {
        "GMAIL_CLIENT_ID": client.client_id,
        "GMAIL_CLIENT_SECRET": client.client_secret,
        "GMAIL_REDIRECT_URI": f"{place.public.main_api}/api/gmail/callback",
        "GMAIL_AUTH_URL": place.public.gmail,
        "GMAIL_TOKEN_URL": place.urls.gmail,
        "GMAIL_API_URL": place.urls.gmail,
    }


def _stripe_connect(place: Place) -> dict[str, str]:
    """A seller's own Stripe account: other grants than those of stripe-payments."""
    return {
        "STRIPE_CLIENT_ID": place.secrets.stripe_client_id,
        "STRIPE_CLIENT_SECRET": place.secrets.stripe_secret_key,
        "STRIPE_REDIRECT_URI": f"{place.public.main_api}/api/stripe/callback",
        "STRIPE_CONNECT_URL": place.public.stripe,
        "STRIPE_API_BASE_URL": place.urls.stripe,
    }


def _payments(place: Place) -> dict[str, str]:
    secrets = place.secrets
    return {
        "PORT": str(place.ports.payments),
        "STRIPE_SECRET_KEY": secrets.stripe_secret_key,
        "STRIPE_WEBHOOK_SECRET": secrets.webhook_secret,
        "STRIPE_CONNECT_WEBHOOK_SECRET": secrets.connect_webhook_secret,
        "STRIPE_API_BASE_URL": place.urls.stripe,
        "STRIPE_PLATFORM_ACCOUNT_ID": secrets.stripe_account_id,
        "STRIPE_LIVE_MODE": "false",
    }


_OWN: dict[str, Callable[[Place], dict[str, str]]] = {
    MAIN_API: _main_api,
    INTEGRATIONS: _integrations,
    PAYMENTS: _payments,
}


def _encryption(place: Place) -> dict[str, str]:
    return {
        "ENCRYPTION_KEY": place.secrets.encryption_key,
        "ENCRYPTION_KEY_ID": place.secrets.encryption_key_id,
    }


def _login_redirect(place: Place) -> str:
    return f"{place.public.main_api}/api/auth/amazon/callback"


def _seller_redirect(place: Place) -> str:
    return f"{place.public.main_api}/api/amazon/callback"
