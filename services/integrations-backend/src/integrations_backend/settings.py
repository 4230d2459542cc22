"""Everything integrations-backend reads from its environment; `.env.example` lists the same names."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field, SecretStr

from opside_chassis.settings import BaseUrl, ServiceSettings, WrongSetting, is_local_url
from opside_chassis.vault import Vault, key_from_text

PUBLIC_ADDRESSES = (
    "app_url",
    "amazon_redirect_uri",
    "amazon_seller_central_url",
    "amazon_lwa_url",
    "amazon_sp_api_url",
)
GMAIL_ADDRESSES = ("gmail_redirect_uri", "gmail_auth_url", "gmail_token_url", "gmail_api_url")
STRIPE_ADDRESSES = ("stripe_redirect_uri", "stripe_connect_url", "stripe_api_base_url")


class Settings(ServiceSettings):
    """The settings of integrations-backend."""

    REREAD: ClassVar = ServiceSettings.REREAD | {
        "encryption_key",
        "encryption_key_id",
        "encryption_previous_keys",
    }

    port: int = Field(default=3000, ge=1, le=65_535)
    app_url: BaseUrl = "http://127.0.0.1:8000"
    """Where browsers go after a consent, and nowhere else."""
    amazon_client_id: str = Field(min_length=1)
    amazon_client_secret: SecretStr
    amazon_application_id: str = Field(min_length=1)
    amazon_redirect_uri: BaseUrl = "http://127.0.0.1:8000/api/amazon/callback"
    amazon_seller_central_url: BaseUrl = "https://sellercentral.amazon.com"
    amazon_lwa_url: BaseUrl = "https://api.amazon.com"
    amazon_sp_api_url: BaseUrl = "https://sellingpartnerapi-na.amazon.com"
    amazon_largest_document_mib: int = Field(default=6144, ge=1)
    """A report document unpacked: 10 million rows of a ledger are 1.6 GB; a reader takes 25 million."""
    gmail_client_id: str = ""
    """Google's client; empty: this installation reads no mail."""
    gmail_client_secret: SecretStr = SecretStr("")
    gmail_redirect_uri: BaseUrl = "http://127.0.0.1:8000/api/gmail/callback"
    gmail_auth_url: BaseUrl = "https://accounts.google.com"
    gmail_token_url: BaseUrl = "https://oauth2.googleapis.com"  # noqa: S105 - an address
    gmail_api_url: BaseUrl = "https://gmail.googleapis.com"
    gmail_sync_interval_seconds: int = Field(default=900, ge=60)
    """How often every connected mailbox is looked at for new papers."""
    stripe_client_id: str = ""
    """Our client at Stripe Connect; empty: this installation links no Stripe accounts."""
    stripe_client_secret: SecretStr = SecretStr("")
    """The platform's secret key: Stripe has no other client secret."""
    stripe_redirect_uri: BaseUrl = "http://127.0.0.1:8000/api/stripe/callback"
    stripe_connect_url: BaseUrl = "https://connect.stripe.com"
    stripe_api_base_url: BaseUrl = "https://api.stripe.com"
    stripe_api_version: str = Field(default="2026-05-27.dahlia", min_length=1)
    stripe_sync_interval_seconds: int = Field(default=1800, ge=60)
    encryption_key: SecretStr
    """base64url of 32 random bytes; seals providers' tokens (ruling R9)."""
    encryption_key_id: str = Field(min_length=1, pattern=r"^[A-Za-z0-9_-]+$")
    encryption_previous_keys: SecretStr = SecretStr("")
    """Keys that still open what they sealed and seal nothing new, as `id:key,id:key`. While a key is
    rotated the next one stands here first, until every process knows it."""
    archive_url: str = Field(min_length=1)
    """Folder (path or file: address) of report files and their rows, or s3://bucket/prefix."""
    aws_access_key_id: str = ""
    """For an archive in a bucket; empty: the machine's own role there."""
    aws_secret_access_key: SecretStr = SecretStr("")
    aws_region: str = ""
    aws_endpoint_url: str = Field(default="", pattern=r"^(https?://[^\s@]+)?$")
    """Of S3-compatible storage that is not Amazon's."""
    sync_interval_seconds: int = Field(default=3600, ge=60)

    def check(self) -> None:
        """Refuse weak keys and empty secrets, and sandboxes in production."""
        super().check()
        if not self.amazon_client_secret.get_secret_value():
            raise WrongSetting("AMAZON_CLIENT_SECRET", "is empty", "set it; .env.example names it")
        self._check_gmail()
        self._check_stripe()
        self._check_archive()
        self._check_vault_keys()
        if self.in_production:
            self._refuse_sandboxes(PUBLIC_ADDRESSES)

    @property
    def bucket_access(self) -> dict[str, str]:
        """What the archive needs to know of its bucket; without what is left empty."""
        given = {
            "aws_access_key_id": self.aws_access_key_id,
            "aws_secret_access_key": self.aws_secret_access_key.get_secret_value(),
            "aws_region": self.aws_region,
            "aws_endpoint_url": self.aws_endpoint_url,
        }
        return {name: value for name, value in given.items() if value}

    @property
    def reads_mail(self) -> bool:
        """Whether this installation has a client at Google."""
        return bool(self.gmail_client_id)

    @property
    def links_stripe(self) -> bool:
        """Whether this installation has a client at Stripe Connect."""
        return bool(self.stripe_client_id)

    @property
    def vault_keys(self) -> dict[str, bytes]:
        """Every key that opens, by its id; the one of ENCRYPTION_KEY_ID alone seals."""
        keys = {
            kid: key_from_text(text, setting="ENCRYPTION_PREVIOUS_KEYS")
            for kid, text in keys_in(self.encryption_previous_keys).items()
        }
        return keys | {self.encryption_key_id: key_from_text(_text(self.encryption_key))}

    def _check_vault_keys(self) -> None:
        known = keys_in(self.encryption_previous_keys)
        if known.get(self.encryption_key_id, _text(self.encryption_key)) != _text(
            self.encryption_key
        ):
            raise WrongSetting(
                "ENCRYPTION_PREVIOUS_KEYS",
                "has another key under the id of ENCRYPTION_KEY",
                "give each key its own id",
            )
        Vault(self.vault_keys, active_kid=self.encryption_key_id)

    def _check_archive(self) -> None:
        secret = bool(self.aws_secret_access_key.get_secret_value())
        if secret != bool(self.aws_access_key_id):
            name = "AWS_ACCESS_KEY_ID" if secret else "AWS_SECRET_ACCESS_KEY"
            raise WrongSetting(name, "is empty", "set both, or neither to use the machine's role")
        if self.in_production and self.aws_endpoint_url:
            self._refuse_sandboxes(("aws_endpoint_url",))

    def _check_stripe(self) -> None:
        if bool(self.stripe_client_secret.get_secret_value()) != self.links_stripe:
            name = "STRIPE_CLIENT_SECRET" if self.links_stripe else "STRIPE_CLIENT_ID"
            raise WrongSetting(name, "is empty", "set both, or neither to link no Stripe accounts")
        if self.in_production and self.links_stripe:
            self._refuse_sandboxes(STRIPE_ADDRESSES)

    def _check_gmail(self) -> None:
        if bool(self.gmail_client_secret.get_secret_value()) != self.reads_mail:
            name = "GMAIL_CLIENT_SECRET" if self.reads_mail else "GMAIL_CLIENT_ID"
            raise WrongSetting(name, "is empty", "set both, or neither to read no mail")
        if self.in_production and self.reads_mail:
            self._refuse_sandboxes(GMAIL_ADDRESSES)

    def _refuse_sandboxes(self, names: Sequence[str]) -> None:
        for name in names:
            if is_local_url(getattr(self, name)):
                raise WrongSetting(
                    name.upper(), "is a sandbox address in production", "use the real https address"
                )


def keys_in(text: SecretStr) -> dict[str, str]:
    """`id:key,id:key` as a table; raises `WrongSetting` when it is of another form."""
    pairs = [part.strip().partition(":") for part in _text(text).split(",") if part.strip()]
    keys = {kid.strip(): key.strip() for kid, _, key in pairs}
    if len(keys) != len(pairs) or not all(keys) or not all(keys.values()):
        raise WrongSetting(
            "ENCRYPTION_PREVIOUS_KEYS", "is not of the form id:key,id:key", "write each key once"
        )
    return keys


def _text(secret: SecretStr) -> str:
    return secret.get_secret_value()
