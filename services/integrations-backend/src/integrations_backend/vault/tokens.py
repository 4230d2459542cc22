"""Keep a grant, and hand out an access token that is still good."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.amazon_api.errors import GrantRefused
from integrations_backend.amazon_api.gateway import Amazon, Grant
from integrations_backend.vault.models import OAuthToken
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_chassis.vault import Vault
from opside_contracts.integrations.messages import Provider

REFRESH_AHEAD = timedelta(minutes=5)
"""A token is refreshed so long before it ends, so that no call starts with a dying one."""


@dataclass(frozen=True, slots=True)
class TokenVault:
    """Reads and writes sealed tokens."""

    sessions: Sessions
    vault: Vault
    clock: Clock

    async def keep(self, session: AsyncSession, *, user_id: str, grant: Grant) -> None:
        """Store a grant in the caller's transaction; the newest replaces the one before."""
        provider = Provider.AMAZON.value
        values = {
            "access_token": self._seal(user_id, "access_token", grant.access_token),
            "refresh_token": self._seal(user_id, "refresh_token", grant.refresh_token),
            "expires_at": self.clock() + timedelta(seconds=grant.expires_in_seconds),
        }
        await session.execute(
            insert(OAuthToken)
            .values(user_id=user_id, provider=provider, **values)
            .on_conflict_do_update(
                index_elements=["user_id", "provider"], set_=values | {"updated_at": func.now()}
            )
        )

    async def forget(self, session: AsyncSession, *, user_id: str) -> None:
        """Remove the tokens."""
        await session.execute(delete(OAuthToken).where(OAuthToken.user_id == user_id))

    async def access_token(self, amazon: Amazon, *, user_id: str, fresh: bool = False) -> str:
        """A good access token; `fresh` asks for another one after a refusal.

        Two processes that refresh at once are harmless: Amazon keeps older refresh tokens alive,
        and the stored one is replaced only while it is the one we used.

        Raises:
            GrantRefused: there is no grant, or it was withdrawn.
        """
        row = await self._row(user_id)
        if row is None:
            raise GrantRefused
        if not fresh and row.expires_at - REFRESH_AHEAD > self.clock():
            return self._open(user_id, "access_token", row.access_token)
        grant = await amazon.refresh(self._open(user_id, "refresh_token", row.refresh_token))
        async with transaction(self.sessions, tenant=user_id) as session:
            await self._lock(session, user_id)
            stored = await session.get(OAuthToken, (user_id, Provider.AMAZON.value))
            if stored is not None and stored.refresh_token == row.refresh_token:
                await self.keep(session, user_id=user_id, grant=grant)
        return grant.access_token

    async def expires_at(self, user_id: str) -> datetime | None:
        """When the stored access token ends."""
        row = await self._row(user_id)
        return row.expires_at if row else None

    async def _row(self, user_id: str) -> OAuthToken | None:
        async with transaction(self.sessions, tenant=user_id) as session:
            return await session.get(OAuthToken, (user_id, Provider.AMAZON.value))

    async def _lock(self, session: AsyncSession, user_id: str) -> None:
        await session.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
            {"key": f"tokens:{user_id}:{Provider.AMAZON.value}"},
        )

    def _seal(self, user_id: str, field: str, secret: str) -> str:
        return self.vault.seal(secret, user_id=user_id, provider=Provider.AMAZON.value, field=field)

    def _open(self, user_id: str, field: str, stored: str) -> str:
        return self.vault.open(stored, user_id=user_id, provider=Provider.AMAZON.value, field=field)
