"""Everything stripe-payments reads from its environment; `.env.example` lists the same names."""

from typing import ClassVar

from pydantic import Field, SecretStr

from opside_chassis.money import BASIS_POINTS
from opside_chassis.settings import BaseUrl, ServiceSettings, WrongSetting, is_local_url
from opside_contracts.payments.messages import Collection

LIVE_PREFIXES = ("sk_" + "live_", "rk_" + "live_")
TEST_PREFIXES = ("sk_" + "test_", "rk_" + "test_")
SHORTEST_WEBHOOK_SECRET = 16

WebhookSecrets = dict[str, tuple[str, ...]]


class Settings(ServiceSettings):
    """The settings of stripe-payments."""

    REREAD: ClassVar = ServiceSettings.REREAD | {
        "stripe_webhook_secret",
        "stripe_connect_webhook_secret",
    }

    port: int = Field(default=4000, ge=1, le=65_535)
    stripe_secret_key: SecretStr
    stripe_webhook_secret: SecretStr
    """Of the platform endpoint; several separated by commas while one is rolled."""
    stripe_connect_webhook_secret: SecretStr
    """Of the Connect endpoint; several separated by commas while one is rolled."""
    stripe_api_base_url: BaseUrl = "https://api.stripe.com"
    stripe_api_version: str = "2026-05-27.dahlia"
    stripe_live_mode: bool = False
    stripe_platform_account_id: str = ""
    stripe_price_id: str = ""
    """What is subscribed to where a request names no price."""
    platform_fee_percentage: float = Field(default=20, gt=0, le=100)
    collection_mode: Collection = Collection.FEE_ONLY
    app_url: BaseUrl = "http://127.0.0.1:8000"
    """Where sellers come back to from Stripe's pages; no other address is accepted."""

    @property
    def rate_bp(self) -> int:
        """Our fee in basis points."""
        return round(self.platform_fee_percentage * 100)

    @property
    def webhook_secrets(self) -> WebhookSecrets:
        """Active signing secrets by endpoint: `platform` and `connect`."""
        return {
            "platform": _split(self.stripe_webhook_secret),
            "connect": _split(self.stripe_connect_webhook_secret),
        }

    def check(self) -> None:
        """Refuse live keys without live mode (and the reverse), weak secrets, sandboxes in production."""
        super().check()
        self._check_keys()
        for name in ("stripe_webhook_secret", "stripe_connect_webhook_secret"):
            secrets = _split(getattr(self, name))
            if not secrets or min(map(len, secrets)) < SHORTEST_WEBHOOK_SECRET:
                raise WrongSetting(
                    name.upper(), "is empty or too short", "copy the endpoint's signing secret"
                )
        if self.rate_bp > BASIS_POINTS:
            raise WrongSetting("PLATFORM_FEE_PERCENTAGE", "is above 100", "use a percentage")
        if self.in_production and is_local_url(self.stripe_api_base_url):
            raise WrongSetting(
                "STRIPE_API_BASE_URL",
                "is a sandbox address in production",
                "remove it, or use the real https address",
            )

    def _check_keys(self) -> None:
        key = self.stripe_secret_key.get_secret_value()
        if not key.startswith(LIVE_PREFIXES + TEST_PREFIXES):
            raise WrongSetting(
                "STRIPE_SECRET_KEY", "is not a Stripe secret key", "copy it from the dashboard"
            )
        if key.startswith(LIVE_PREFIXES) and not self.stripe_live_mode:
            raise WrongSetting(
                "STRIPE_SECRET_KEY", "is a live key without live mode", "set STRIPE_LIVE_MODE=true"
            )
        if self.stripe_live_mode and not key.startswith(LIVE_PREFIXES):
            raise WrongSetting(
                "STRIPE_LIVE_MODE", "is on with a test key", "use the live key, or switch it off"
            )


def _split(secret: SecretStr) -> tuple[str, ...]:
    return tuple(part.strip() for part in secret.get_secret_value().split(",") if part.strip())
