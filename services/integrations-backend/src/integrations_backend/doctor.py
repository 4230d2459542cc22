"""Is this installation fit to hold sellers' tokens? The points that integrations-backend alone can see."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from integrations_backend.archive import Archive
from integrations_backend.runtime import SCHEMA, SERVICE
from integrations_backend.settings import Settings
from integrations_backend.vault.reseal import sealed_by_key
from opside_chassis.database import Database, Sessions
from opside_chassis.doctor import Point, Seen, ok, wrong
from opside_chassis.doctor_points import Practice, fetch, key_age

_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class IntegrationsPoints:
    """Providers, the archive and the vault."""

    settings: Settings
    sessions: Sessions

    def points(self) -> Sequence[Point]:
        """In the order in which they are mended."""
        providers = {
            "AMAZON_LWA_URL": self.settings.amazon_lwa_url,
            "AMAZON_SP_API_URL": self.settings.amazon_sp_api_url,
        }
        if self.settings.reads_mail:
            providers["GMAIL_TOKEN_URL"] = self.settings.gmail_token_url
        if self.settings.links_stripe:
            providers["STRIPE_CONNECT_URL"] = self.settings.stripe_connect_url
        return (
            *(
                Point(f"{name} answers", "S0", _Provider(url), f"correct {name}")
                for name, url in providers.items()
            ),
            Point("archive of reports", "S4", self._archive),
            Point("vault keys known", "S0 S2", self._vault, "correct DATABASE_URL"),
            Point("age of the vault key", "S2", self._vault_age),
        )

    def _archive(self) -> Seen:
        Archive.open(self.settings.archive_url, self.settings.bucket_access)
        return ok("can be written")

    async def _vault(self) -> Seen:
        sealed = await sealed_by_key(self.sessions)
        unknown = sealed.keys() - self.settings.vault_keys.keys()
        if unknown:
            return wrong(
                f"no key opens {sum(sealed[kid] for kid in unknown)} secrets of {min(unknown)}",
                "put that key back into ENCRYPTION_PREVIOUS_KEYS",
            )
        old = sum(n for kid, n in sealed.items() if kid != self.settings.encryption_key_id)
        if old:
            return wrong(
                f"{old} secrets are under older keys",
                "python -m integrations_backend.commands vault reseal",
            )
        return ok(f"{sum(sealed.values())} secrets, all under {self.settings.encryption_key_id}")

    def _vault_age(self) -> Seen:
        return key_age(self.settings.encryption_key_id)


@dataclass(frozen=True, slots=True)
class _Provider:
    """One address of a provider; any answer of its own will do."""

    url: str

    async def __call__(self) -> Seen:
        answer = await fetch(self.url)
        place = urlsplit(self.url).netloc
        if answer.status_code >= _SERVER_ERROR:
            return wrong(f"{place} answers {answer.status_code}", "see the provider's status page")
        return ok(f"{place} answers")


@asynccontextmanager
async def _own(settings: Settings) -> AsyncIterator[Sequence[Point]]:
    database = Database.connect(settings.database_url, application_name=f"{SERVICE} doctor")
    try:
        yield IntegrationsPoints(settings, database.sessions).points()
    finally:
        await database.close()


PRACTICE = Practice(SERVICE, SCHEMA, Settings, _own)
