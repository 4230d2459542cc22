"""Tokens by which one service proves itself to another: at most a minute, one audience, a scope.

Acting for a user is an explicit claim (`act_for`), never a forged user token.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, DateTime, MetaData, Table, Text, column, table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.clock import Clock, utc_now
from opside_chassis.errors import Unauthenticated
from opside_chassis.key_file import Rereading
from opside_chassis.keyring import KeyRing, SigningKey
from opside_chassis.signed_token import (
    SERVICE_TOKEN,
    TokenSigner,
    TokenVerifier,
    current_key,
    expiry,
    optional_text,
    required_text,
)

READS_SHARE_A_TOKEN_FOR = timedelta(seconds=20)
"""A third of its life: whoever opens a page reads ten things at once."""
MOST_SHARED_TOKENS = 1024
"""Bounds the memory; the one drawn first is forgotten first."""


@dataclass(frozen=True, slots=True)
class ServiceIdentity:
    """A calling service, what it may do, and for whom it speaks."""

    service: str
    scopes: frozenset[str]
    act_for: str | None
    act_role: str | None
    token_id: str
    expires_at: datetime
    act_session: str | None = None


class ServiceTokens:
    """Mints this service's tokens for the services it calls."""

    def __init__(
        self,
        signing_key: SigningKey | Rereading[SigningKey],
        issuer: str,
        *,
        clock: Clock = utc_now,
    ) -> None:
        now = current_key(signing_key)
        if now.issuer != issuer:
            raise ValueError(f"the key {now.kid} belongs to {now.issuer}")
        self._issuer = issuer
        self._signer = TokenSigner(signing_key, SERVICE_TOKEN, clock)
        self._shared: dict[tuple[object, ...], tuple[str, datetime]] = {}

    def mint(
        self,
        *,
        audience: str,
        scope: str,
        act_for: str | None = None,
        act_role: str | None = None,
        act_session: str | None = None,
    ) -> str:
        """A fresh token for one call; `scope` is one name or several separated by spaces."""
        acting = {"act_for": act_for, "act_role": act_role, "act_session": act_session}
        claims = {"scope": scope, **{name: text for name, text in acting.items() if text}}
        return self._signer.sign(
            audience=audience,
            subject=self._issuer,
            ttl_seconds=SERVICE_TOKEN.max_lifetime_seconds,
            claims=claims,
        )

    def mint_for_reads(self, *, audience: str, scope: str, **acting: str | None) -> str:
        """As `mint`, the same token for `READS_SHARE_A_TOKEN_FOR`; never for a route that uses its id up."""
        kid = current_key(self._signer.key).kid
        errand = (kid, audience, scope, *sorted(acting.items()))
        now = self._signer.clock()
        token, drawn_at = self._shared.get(errand, ("", now - READS_SHARE_A_TOKEN_FOR))
        if not now - READS_SHARE_A_TOKEN_FOR < drawn_at <= now:
            token = self.mint(audience=audience, scope=scope, **acting)
            self._shared.pop(errand, None)
            while len(self._shared) >= MOST_SHARED_TOKENS:
                del self._shared[next(iter(self._shared))]
            self._shared[errand] = token, now
        return token


Granted = Mapping[str, Collection[str]]
"""The scopes that each issuer may use at one service."""


class ServiceTokenVerifier:
    """Checks tokens of other services that call this one (`audience`).

    A token names its own scopes; of these count only the ones that this service has `granted` to its
    issuer. Without that table every scope counts: for who asks about tokens alone, never for a door.
    """

    def __init__(
        self,
        key_ring: KeyRing,
        audience: str,
        *,
        granted: Granted | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._verifier = TokenVerifier(key_ring, SERVICE_TOKEN, audience, clock)
        self._granted = granted

    def verify(self, token: str) -> ServiceIdentity:
        """Who calls; raises `Unauthenticated` for anything but a good service token."""
        claims = self._verifier.verify(token)
        if claims["sub"] != claims["iss"]:
            raise Unauthenticated("The access token is not valid.")
        return ServiceIdentity(
            service=claims["iss"],
            scopes=self._scopes(claims["iss"], required_text(claims, "scope").split()),
            act_for=optional_text(claims, "act_for"),
            act_role=optional_text(claims, "act_role"),
            token_id=claims["jti"],
            expires_at=expiry(claims),
            act_session=optional_text(claims, "act_session"),
        )

    def _scopes(self, issuer: str, claimed: list[str]) -> frozenset[str]:
        if self._granted is None:
            return frozenset(claimed)
        return frozenset(claimed).intersection(self._granted.get(issuer, ()))


def used_token_ids_table(metadata: MetaData) -> Table:
    """Declare `used_token_ids`: a row for each service token a money route has accepted."""
    return Table(
        "used_token_ids",
        metadata,
        Column("issuer", Text, primary_key=True),
        Column("token_id", Text, primary_key=True),
        Column("expires_at", DateTime(timezone=True), nullable=False, index=True),
    )


# Unqualified on purpose: each service's search_path is its own schema.
_USED: Any = table("used_token_ids", column("issuer"), column("token_id"), column("expires_at"))


async def spend_token_id(session: AsyncSession, identity: ServiceIdentity) -> None:
    """Use a token's id up in the caller's transaction; raises `Unauthenticated` on a replay.

    Racing replays queue on the primary key: the loser sees the row when the winner commits.
    """
    spent = await session.execute(
        insert(_USED)
        .values(issuer=identity.service, token_id=identity.token_id, expires_at=identity.expires_at)
        .on_conflict_do_nothing()
        .returning(_USED.c.token_id)
    )
    if spent.first() is None:
        raise Unauthenticated("The access token was used before.")
