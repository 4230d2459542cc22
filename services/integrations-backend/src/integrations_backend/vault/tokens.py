"""Keep a grant, and hand out an access token that is still good."""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.grants import Grant, GrantRefused, ProviderUnavailable, Refresher
from integrations_backend.vault.models import OAuthToken
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_chassis.key_file import Rereading
from opside_chassis.vault import Vault
from opside_contracts.integrations.messages import Provider

REFRESH_AHEAD = timedelta(minutes=5)
"""A token is refreshed so long before it ends, so that no call starts with a dying one."""
LEASE_SECONDS = 30
"""Longer than a worker's job, and so than any refresh, may take."""
LOOK_AGAIN_SECONDS = 0.1
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""When a token ends that is good until it is revoked."""


@dataclass(frozen=True, slots=True)
class TokenVault:
    """Reads and writes sealed tokens of one provider."""

    sessions: Sessions
    vault: Rereading[Vault]
    clock: Clock
    provider: Provider
    patience_seconds: float = 5.0
    """How long a worker waits for another one's refresh; well under a job's 20 s."""

    def of(self, provider: Provider) -> "TokenVault":
        """The same vault for another provider's tokens."""
        return replace(self, provider=provider)

    async def keep(self, session: AsyncSession, *, user_id: str, grant: Grant) -> None:
        """Store a grant in the caller's transaction; the newest replaces the one before."""
        values = {
            "access_token": self._seal(user_id, "access_token", grant.access_token),
            "refresh_token": self._seal(user_id, "refresh_token", grant.refresh_token),
            "expires_at": self._end_of(grant),
            "refreshing_until": None,
        }
        await session.execute(
            insert(OAuthToken)
            .values(user_id=user_id, provider=self.provider.value, **values)
            .on_conflict_do_update(
                index_elements=["user_id", "provider"], set_=values | {"updated_at": func.now()}
            )
        )

    async def forget(self, session: AsyncSession, *, user_id: str) -> None:
        """Remove the tokens."""
        await session.execute(delete(OAuthToken).where(*self._named(user_id)))

    async def access_token(
        self, source: Refresher, *, user_id: str, refused: str | None = None
    ) -> str:
        """A good access token; another than the one that the provider `refused`.

        Of workers that need a fresh one at once, one asks the provider and the others take what it got.

        Raises:
            GrantRefused: there is no grant, or it was withdrawn.
            ProviderUnavailable: another worker has been asking for too long.
        """
        row = await self._row(user_id)
        token = self._open(user_id, "access_token", row.access_token)
        if token != refused and row.expires_at - REFRESH_AHEAD > self.clock():
            return token
        waited_until = asyncio.get_running_loop().time() + self.patience_seconds
        while not await self._lease(user_id, of=row.access_token):
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            row = await self._row(user_id)
            # The tokens are compared and not their ciphertexts: a new vault key changes those.
            if (stored := self._open(user_id, "access_token", row.access_token)) != token:
                return stored
            if asyncio.get_running_loop().time() > waited_until:
                raise ProviderUnavailable("another worker is refreshing this token")
        return await self._refresh(source, row)

    async def _refresh(self, source: Refresher, row: OAuthToken) -> str:
        user_id = row.user_id
        refresh_token = self._open(user_id, "refresh_token", row.refresh_token)
        try:
            grant = await source.refresh(refresh_token)
        except BaseException:
            await self._give_back(user_id, of=row.access_token)
            raise
        async with transaction(self.sessions, tenant=user_id) as session:
            stored = await session.get(
                OAuthToken, (user_id, self.provider.value), with_for_update=True
            )
            # Disconnected or connected anew meanwhile: that wins.
            if stored is not None and refresh_token == self._open(
                user_id, "refresh_token", stored.refresh_token
            ):
                await self.keep(session, user_id=user_id, grant=grant)
        return grant.access_token

    async def _lease(self, user_id: str, *, of: str) -> bool:
        """Take the right to refresh this very token, unless another worker has it.

        A row and not a lock, since no transaction may be open while the provider is asked. It ends by
        itself, should its worker die.
        """
        until = func.now() + timedelta(seconds=LEASE_SECONDS)
        free = or_(OAuthToken.refreshing_until.is_(None), OAuthToken.refreshing_until < func.now())
        async with transaction(self.sessions, tenant=user_id) as session:
            taken = await session.execute(
                update(OAuthToken)
                .where(*self._named(user_id), OAuthToken.access_token == of, free)
                .values(refreshing_until=until)
                .returning(OAuthToken.user_id)
            )
            return taken.first() is not None

    async def _give_back(self, user_id: str, *, of: str) -> None:
        async with transaction(self.sessions, tenant=user_id) as session:
            await session.execute(
                update(OAuthToken)
                .where(*self._named(user_id), OAuthToken.access_token == of)
                .values(refreshing_until=None)
            )

    async def refresh_token(self, user_id: str) -> str:
        """The token to revoke; raises `GrantRefused` when there is none."""
        row = await self._row(user_id)
        return self._open(user_id, "refresh_token", row.refresh_token)

    async def expires_at(self, user_id: str) -> datetime | None:
        """When the stored access token ends."""
        async with transaction(self.sessions, tenant=user_id) as session:
            row = await session.get(OAuthToken, (user_id, self.provider.value))
        return row.expires_at if row else None

    async def _row(self, user_id: str) -> OAuthToken:
        async with transaction(self.sessions, tenant=user_id) as session:
            row = await session.get(OAuthToken, (user_id, self.provider.value))
        if row is None:
            raise GrantRefused
        return row

    def _named(self, user_id: str) -> tuple[ColumnElement[bool], ...]:
        return OAuthToken.user_id == user_id, OAuthToken.provider == self.provider.value

    def _end_of(self, grant: Grant) -> datetime:
        if grant.expires_in_seconds is None:
            return NEVER
        return self.clock() + timedelta(seconds=grant.expires_in_seconds)

    def _seal(self, user_id: str, field: str, secret: str) -> str:
        return self.vault.now().seal(
            secret, user_id=user_id, provider=self.provider.value, field=field
        )

    def _open(self, user_id: str, field: str, stored: str) -> str:
        return self.vault.now().open(
            stored, user_id=user_id, provider=self.provider.value, field=field
        )
