"""Bring every stored token under the vault's newest key, while the service works."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, or_, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.vault.models import OAuthToken
from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.vault import Unreadable, Vault

BATCH = 200
"""Rows locked at once: a few milliseconds, so that no request waits for it."""
FIELDS = ("access_token", "refresh_token")

_BY_KEY = text(
    """
    SELECT split_part(sealed, '.', 2) AS kid, count(*) AS number
      FROM oauth_tokens, LATERAL (VALUES (access_token), (refresh_token)) AS each_field (sealed)
     GROUP BY kid
    """
)
_START = ("", "")


@dataclass(frozen=True, slots=True)
class Resealed:
    """What one pass over all rows did."""

    rows: int
    """Sealed anew."""
    unreadable: tuple[str, ...]
    """`user/provider` of rows that no key of ours opens."""


async def sealed_by_key(sessions: Sessions) -> Mapping[str, int]:
    """How many stored secrets of all tenants each key has sealed, by key id."""
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        return {row.kid: row.number for row in await session.execute(_BY_KEY)}


async def reseal(sessions: Sessions, vault: Vault, *, batch: int = BATCH) -> Resealed:
    """One pass over all rows; those that need nothing stay as they are, so it may be repeated at will.

    A row whose token is being refreshed is left to the next pass: its refresh would find another
    ciphertext than it began with.
    """
    rows, unreadable, after = 0, [], _START
    while True:
        async with transaction(sessions, tenant=EVERY_TENANT) as session:
            found = await _after(session, after, batch)
            for row in found:
                try:
                    rows += _seal_anew(row, vault)
                except Unreadable:
                    unreadable.append(f"{row.user_id}/{row.provider}")
        if not found:
            return Resealed(rows, tuple(unreadable))
        after = (found[-1].user_id, found[-1].provider)


async def _after(session: AsyncSession, after: tuple[str, str], batch: int) -> list[OAuthToken]:
    key = tuple_(OAuthToken.user_id, OAuthToken.provider)
    query = (
        select(OAuthToken)
        .where(
            key > after,
            or_(OAuthToken.refreshing_until.is_(None), OAuthToken.refreshing_until < func.now()),
        )
        .order_by(OAuthToken.user_id, OAuthToken.provider)
        .limit(batch)
        .with_for_update(skip_locked=True)
    )
    return list(await session.scalars(query))


def _seal_anew(row: OAuthToken, vault: Vault) -> bool:
    """Whether the row needed it. Both fields are opened before either is changed."""
    stored = {field: getattr(row, field) for field in FIELDS}
    if not any(vault.needs_rotation(sealed) for sealed in stored.values()):
        return False
    bound = {"user_id": row.user_id, "provider": row.provider}
    opened = {field: vault.open(sealed, field=field, **bound) for field, sealed in stored.items()}
    for field, secret in opened.items():
        setattr(row, field, vault.seal(secret, field=field, **bound))
    return True
