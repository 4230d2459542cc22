"""Keys of one local copy: drawn once, kept in its state folder, never in the project.

A field that a newer version adds is drawn when an older file is read.
"""

import base64
import secrets as random_source
from pathlib import Path

from pydantic import BaseModel, Field

from opside_chassis.keyring import generate_keypair
from opside_local.folders import write_private

MAIN_API = "main-api"
INTEGRATIONS = "integrations-backend"
PAYMENTS = "stripe-payments"
SCHEMAS = {MAIN_API: "main_api", INTEGRATIONS: "integrations", PAYMENTS: "payments"}
"""The Postgres schema of each service."""


def _letters(length: int = 32) -> str:
    """Random letters and digits: no character that a URL or a form would have to quote."""
    return "".join(random_source.choice("abcdefghijkmnpqrstuvwxyz23456789") for _ in range(length))


def _stripe_shaped(kind: str) -> str:
    return f"{kind}_test_{_letters()}"


def _encryption_key() -> str:
    return base64.urlsafe_b64encode(random_source.token_bytes(32)).rstrip(b"=").decode()


class ServiceKey(BaseModel):
    """The Ed25519 key of one service; both halves base64url."""

    kid: str
    private_key: str
    public_key: str

    @classmethod
    def draw(cls, service: str) -> "ServiceKey":
        """A new key whose id says whose it is."""
        pair = generate_keypair()
        return cls(kid=f"{service}-{_letters(6)}", **pair._asdict())


class RolePasswords(BaseModel):
    """Passwords of the two database roles of one schema."""

    owner: str = Field(default_factory=_letters)
    app: str = Field(default_factory=_letters)


class OAuthClient(BaseModel):
    """One registered Amazon application."""

    client_id: str = Field(default_factory=lambda: f"amzn1.application-oa2-client.{_letters()}")
    client_secret: str = Field(default_factory=lambda: f"amzn1.oa2-cs.v1.{_letters(48)}")
    application_id: str = Field(default_factory=lambda: f"amzn1.sp.solution.{_letters(12)}")


class GoogleClient(BaseModel):
    """One registered Google application."""

    client_id: str = Field(
        default_factory=lambda: f"{_letters(24).lower()}.apps.googleusercontent.com"
    )
    client_secret: str = Field(default_factory=lambda: f"GOCSPX-{_letters(28)}")


def _service_keys() -> dict[str, ServiceKey]:
    return {service: ServiceKey.draw(service) for service in SCHEMAS}


def _database_passwords() -> dict[str, RolePasswords]:
    return {schema: RolePasswords() for schema in SCHEMAS.values()}


class Secrets(BaseModel):
    """All secrets of one copy of the system."""

    service_keys: dict[str, ServiceKey] = Field(default_factory=_service_keys)
    database: dict[str, RolePasswords] = Field(default_factory=_database_passwords)
    database_admin_password: str = Field(default_factory=_letters)
    """Of the Postgres in Docker; the embedded one keeps its own."""
    encryption_key_id: str = Field(default_factory=lambda: f"local-{_letters(6)}")
    encryption_key: str = Field(default_factory=_encryption_key)
    stripe_secret_key: str = Field(default_factory=lambda: _stripe_shaped("sk"))
    stripe_publishable_key: str = Field(default_factory=lambda: _stripe_shaped("pk"))
    stripe_account_id: str = Field(default_factory=lambda: f"acct_{_letters(16)}")
    stripe_client_id: str = Field(default_factory=lambda: f"ca_{_letters()}")
    """The platform at Connect OAuth; its client secret is `stripe_secret_key`."""
    webhook_secret: str = Field(default_factory=lambda: f"whsec_{_letters()}")
    connect_webhook_secret: str = Field(default_factory=lambda: f"whsec_{_letters()}")
    """Of the two endpoints: the platform's own events, and those of connected accounts."""
    amazon_login: OAuthClient = Field(default_factory=OAuthClient)
    amazon_seller: OAuthClient = Field(default_factory=OAuthClient)
    gmail: GoogleClient = Field(default_factory=GoogleClient)


class SecretsFile:
    """The secrets of one state folder and where they are kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        known = path.read_text(encoding="utf-8") if path.exists() else "{}"
        self.secrets = Secrets.model_validate_json(known)
        self.keep()

    def keep(self) -> None:
        """Write what is known now; readable by the owner only."""
        write_private(self._path, self.secrets.model_dump_json(indent=1))
