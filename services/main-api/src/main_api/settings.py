"""Everything main-api reads from its environment; `.env.example` lists the same names."""

from typing import Annotated

from pydantic import Field, SecretStr

from opside_chassis.settings import BaseUrl, ServiceSettings, WrongSetting, is_local_url
from opside_contracts.payments.messages import Collection

SHORTEST_SECRET_CHARS = 16
"""Amazon's are longer; what is shorter was never copied from its console."""


class Settings(ServiceSettings):
    """The settings of main-api."""

    port: int = Field(default=8000, ge=1, le=65_535)
    app_url: BaseUrl = "http://127.0.0.1:8000"
    """Where the dashboard is served; browsers are sent nowhere else after sign-in."""
    amazon_login_client_id: str = Field(min_length=1)
    amazon_login_client_secret: SecretStr
    amazon_login_redirect_uri: BaseUrl = "http://127.0.0.1:8000/api/auth/amazon/callback"
    amazon_login_url: BaseUrl = "https://www.amazon.com"
    """Where the consent page is; a sandbox has another."""
    amazon_api_url: BaseUrl = "https://api.amazon.com"
    """Where codes are exchanged and profiles read."""
    collection_mode: Collection = Collection.FEE_ONLY
    """How fees are collected from sellers who have no mode of their own (ruling R3)."""
    commission_review_days: Annotated[int, Field(ge=0, le=60)] = 3
    """A seller may object to a fee so many days before it is asked for; 0: it is asked for at once."""
    evidence_archive_url: str = Field(min_length=1)
    """Folder (path or file: address) of the documents that sellers hand over."""
    mail_url: SecretStr = SecretStr("")
    """Where e-mail goes out: smtp:// (STARTTLS), smtps://, or file:/folder on a developer's machine.
    Empty: nothing is sent; the feed in the app has everything."""
    mail_sender: str = Field(default="Opside <no-reply@opside.invalid>", min_length=3)
    mail_every_seconds: int = Field(default=600, ge=1, le=86_400)
    """A seller gets at most one letter in so many seconds, about everything in between."""
    erasure_waiting_hours: Annotated[int, Field(ge=0, le=720)] = 72
    """So long a user who ordered the erasure of his account can change his mind."""
    session_lifetime_days: Annotated[int, Field(ge=1, le=90)] = 30
    """A session ends so many days after sign-in, however often it is refreshed."""

    def check(self) -> None:
        """Refuse a short secret, and sandboxes in production."""
        super().check()
        if len(self.amazon_login_client_secret.get_secret_value()) < SHORTEST_SECRET_CHARS:
            raise WrongSetting(
                "AMAZON_LOGIN_CLIENT_SECRET",
                "is empty or too short",
                "copy it from the Login with Amazon console",
            )
        if not self.in_production:
            return
        if self.mail_url.get_secret_value().startswith("file:"):
            raise WrongSetting(
                "MAIL_URL", "is a folder in production", "name a mail server, or leave it empty"
            )
        for name in ("app_url", "amazon_login_url", "amazon_api_url", "amazon_login_redirect_uri"):
            if is_local_url(getattr(self, name)):
                raise WrongSetting(
                    name.upper(), "is a sandbox address in production", "use the real https address"
                )
