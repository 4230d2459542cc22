"""Tokens of people: issued by main-api, for one service each, at most fifteen minutes long."""

from dataclasses import dataclass
from datetime import datetime

from opside_chassis.clock import Clock, utc_now
from opside_chassis.errors import Unauthenticated
from opside_chassis.key_file import Rereading
from opside_chassis.keyring import KeyRing, SigningKey
from opside_chassis.signed_token import (
    USER_TOKEN,
    TokenSigner,
    TokenVerifier,
    current_key,
    expiry,
    required_text,
)

USER_TOKEN_ISSUER = "main-api"  # noqa: S105 - a service's name, not a secret
"""The only service that knows who a person is."""


@dataclass(frozen=True, slots=True)
class UserIdentity:
    """A signed-in person, with the role the database gave when the token was issued."""

    user_id: str
    role: str
    session_id: str
    token_id: str
    expires_at: datetime


class UserTokens:
    """Mints tokens of people; only main-api holds a key that is believed."""

    def __init__(
        self, signing_key: SigningKey | Rereading[SigningKey], *, clock: Clock = utc_now
    ) -> None:
        if current_key(signing_key).issuer != USER_TOKEN_ISSUER:
            raise ValueError(f"only {USER_TOKEN_ISSUER} issues user tokens")
        self._signer = TokenSigner(signing_key, USER_TOKEN, clock)

    def mint(
        self,
        *,
        audience: str,
        user_id: str,
        role: str,
        session_id: str,
        ttl_seconds: int = USER_TOKEN.max_lifetime_seconds,
    ) -> str:
        """A token for one service; raises ValueError for a lifetime above fifteen minutes."""
        return self._signer.sign(
            audience=audience,
            subject=user_id,
            ttl_seconds=ttl_seconds,
            claims={"role": role, "sid": session_id},
        )


class UserTokenVerifier:
    """Checks tokens of people for one service (`audience`)."""

    def __init__(self, key_ring: KeyRing, audience: str, *, clock: Clock = utc_now) -> None:
        self._verifier = TokenVerifier(key_ring, USER_TOKEN, audience, clock)

    def verify(self, token: str) -> UserIdentity:
        """Who calls; raises `Unauthenticated` for anything but a good user token."""
        claims = self._verifier.verify(token)
        if claims["iss"] != USER_TOKEN_ISSUER:
            # A stolen key of another service must not be able to make people.
            raise Unauthenticated("The access token is not valid.")
        return UserIdentity(
            user_id=claims["sub"],
            role=required_text(claims, "role"),
            session_id=required_text(claims, "sid"),
            token_id=claims["jti"],
            expires_at=expiry(claims),
        )
