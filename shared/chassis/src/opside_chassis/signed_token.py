"""The one place that signs and verifies JWTs (facts/money-safety.md section 7).

A token's header only names a key id. Algorithm, key and issuer come from the key ring; `jku`,
`x5u` and `jwk` are never looked at, and a token with `crit` is refused because we understand no
critical extension. Times are checked here, not in PyJWT, so that the clock can be injected and
the lifetime bound holds on verification as well as on minting.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

import jwt

from opside_chassis.clock import Clock, utc_now
from opside_chassis.errors import Unauthenticated
from opside_chassis.key_file import Rereading
from opside_chassis.keyring import KeyRing, SigningKey, VerificationKey

SKEW_SECONDS = 30
"""How far two machines' clocks may differ."""
MAX_TOKEN_CHARACTERS = 4096
"""Ours have about 600; anything longer is not worth a signature check."""
_TIME_CLAIMS = ("exp", "iat", "nbf")
_TEXT_CLAIMS = ("iss", "aud", "sub", "jti")
_MAX_CLAIM_CHARACTERS = 255

# Everything PyJWT would check by the wall clock or leniently is checked below instead.
_SIGNATURE_ONLY: Any = {
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
    "require": [*_TIME_CLAIMS, *_TEXT_CLAIMS],
}


@dataclass(frozen=True, slots=True)
class TokenKind:
    """One sort of token: its `typ`, and how long it may live from issue to expiry."""

    typ: str
    max_lifetime_seconds: int


SERVICE_TOKEN = TokenKind("svc+jwt", 60)
USER_TOKEN = TokenKind("at+jwt", 15 * 60)


@dataclass(frozen=True, slots=True)
class TokenSigner:
    """Signs tokens of one kind with the key of one service; `iss` is the key's owner."""

    key: SigningKey | Rereading[SigningKey]
    kind: TokenKind
    clock: Clock = utc_now

    def sign(
        self, *, audience: str, subject: str, ttl_seconds: int, claims: Mapping[str, str]
    ) -> str:
        """Sign a token; raises ValueError when it would live longer than its kind may."""
        if not 0 < ttl_seconds <= self.kind.max_lifetime_seconds:
            raise ValueError(f"a {self.kind.typ} lives 1-{self.kind.max_lifetime_seconds} seconds")
        now = int(self.clock().timestamp())
        key = current_key(self.key)
        body: dict[str, Any] = {
            **claims,
            "iss": key.issuer,
            "aud": audience,
            "sub": subject,
            "iat": now,
            "nbf": now,
            "exp": now + ttl_seconds,
            "jti": uuid.uuid4().hex,
        }
        headers = {"typ": self.kind.typ, "kid": key.kid}
        return jwt.encode(body, key.private, algorithm="EdDSA", headers=headers)


@lru_cache(maxsize=64)
def _typ(header: str) -> object:
    """What the header of a token says that it is; it says the same for as long as its key is used."""
    try:
        return jwt.get_unverified_header(f"{header}..").get("typ")
    except jwt.InvalidTokenError:
        return None


def may_be(kind: TokenKind, token: str) -> bool:
    """Whether a token says to be of this kind: where several may come, only one is worth verifying."""
    header = token.partition(".")[0]
    return len(header) <= MAX_TOKEN_CHARACTERS and _typ(header) == kind.typ


def current_key(key: SigningKey | Rereading[SigningKey]) -> SigningKey:
    """The key to sign with now."""
    return key if isinstance(key, SigningKey) else key.now()


@dataclass(frozen=True, slots=True)
class SeenSignatures:
    """Signatures that were found good, by their tokens' digests: people and reads show one token many times.

    A token of the same bytes has the same good signature for as long as its key is published. Audience,
    times and whatever a caller asks of a session are asked again every time.
    """

    most: int = 4096
    """Bounds the memory to some megabytes; the oldest is forgotten first."""
    _found: dict[bytes, tuple[VerificationKey, dict[str, Any]]] = field(
        default_factory=dict, repr=False
    )

    def claims(self, digest: bytes, key_ring: KeyRing) -> dict[str, Any] | None:
        """What the token says; None when it was not seen, or its key is not the published one now."""
        key, claims = self._found.get(digest, (None, None))
        return claims if key is not None and key_ring.find(key.kid) is key else None

    def keep(self, digest: bytes, key: VerificationKey, claims: dict[str, Any]) -> None:
        """Remember a token whose signature is good."""
        while len(self._found) >= self.most:
            del self._found[next(iter(self._found))]
        self._found[digest] = (key, claims)


@dataclass(frozen=True, slots=True)
class TokenVerifier:
    """Verifies tokens of one kind for one audience."""

    key_ring: KeyRing
    kind: TokenKind
    audience: str
    clock: Clock = utc_now
    seen: SeenSignatures = field(default_factory=SeenSignatures)

    def verify(self, token: str) -> dict[str, Any]:
        """The claims of a good token; raises `Unauthenticated`, never saying which check failed.

        The reason is kept on the error's `__cause__` for logs of the service itself.
        """
        try:
            claims = self._signed_claims(token)
            self._check_names(claims)
            self._check_times(claims)
        except (jwt.InvalidTokenError, _RefusedError, ValueError, TypeError) as error:
            raise Unauthenticated("The access token is not valid.") from error
        return claims

    def _signed_claims(self, token: str) -> dict[str, Any]:
        if not token.isascii() or len(token) > MAX_TOKEN_CHARACTERS:
            raise _RefusedError("not a compact token")
        digest = sha256(token.encode()).digest()
        claims = self.seen.claims(digest, self.key_ring)
        if claims is None:
            key, claims = self._checked(token)
            self.seen.keep(digest, key, claims)
        return claims

    def _checked(self, token: str) -> tuple[VerificationKey, dict[str, Any]]:
        # First of all: where several kinds may come, each token is asked for every one of them.
        if not may_be(self.kind, token):
            raise _RefusedError("another kind of token")
        header = jwt.get_unverified_header(token)
        if "crit" in header or "b64" in header:
            raise _RefusedError("critical extensions are not understood")
        key = self._key(header)
        claims = jwt.decode(
            token, key.public_key, algorithms=[key.algorithm], options=_SIGNATURE_ONLY
        )
        if claims["iss"] != key.issuer:
            raise _RefusedError("signed by another issuer's key")
        return key, claims

    def _key(self, header: Mapping[str, Any]) -> VerificationKey:
        kid = header.get("kid")
        key = self.key_ring.find(kid) if isinstance(kid, str) else None
        if key is None:
            raise _RefusedError("unknown key id")
        if header.get("alg") != key.algorithm:
            raise _RefusedError("another algorithm than the key's")
        return key

    def _check_names(self, claims: Mapping[str, Any]) -> None:
        for name in _TEXT_CLAIMS:
            value = claims[name]
            if not isinstance(value, str) or not 0 < len(value) <= _MAX_CLAIM_CHARACTERS:
                raise _RefusedError(f"{name} is not a short text")
        if claims["aud"] != self.audience:
            raise _RefusedError("meant for another service")

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        for name in _TIME_CLAIMS:
            # bool is an int in Python, and 1e400 a float: neither is a time.
            if type(claims[name]) is not int:
                raise _RefusedError(f"{name} is not a whole number of seconds")
        now = self.clock().timestamp()
        issued, starts, expires = claims["iat"], claims["nbf"], claims["exp"]
        if not 0 < expires - issued <= self.kind.max_lifetime_seconds:
            raise _RefusedError("lives too long")
        if expires + SKEW_SECONDS <= now:
            raise _RefusedError("expired")
        if max(issued, starts) > now + SKEW_SECONDS:
            raise _RefusedError("not valid yet")


class _RefusedError(Exception):
    """Why a token was refused; never leaves this module except as a cause."""


def expiry(claims: Mapping[str, Any]) -> datetime:
    """When a verified token expires."""
    return datetime.fromtimestamp(claims["exp"], UTC)


def optional_text(claims: Mapping[str, Any], name: str) -> str | None:
    """A claim that may be absent; raises `Unauthenticated` when it is not a short text."""
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_CLAIM_CHARACTERS:
        raise Unauthenticated("The access token is not valid.")
    return value


def required_text(claims: Mapping[str, Any], name: str) -> str:
    """A claim that must be there; raises `Unauthenticated` otherwise."""
    value = optional_text(claims, name)
    if value is None:
        raise Unauthenticated("The access token is not valid.")
    return value
