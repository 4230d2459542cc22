"""Parts as a careless author would write them: each leaves out one check, or believes too much."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import jwt
from fastapi import FastAPI
from security.house import SESSION, House
from starlette.requests import HTTPConnection

from opside_chassis.access import Caller
from opside_chassis.keyring import KeyRing
from opside_chassis.service_token import ServiceIdentity
from opside_chassis.signed_token import TokenVerifier
from opside_chassis.user_token import UserIdentity

FAR = datetime(2100, 1, 1, tzinfo=UTC)


def believing(**parts: Callable[[House, Any], object]) -> Callable[[FastAPI, House], None]:
    """Changes what an app believes: each part is made from the house and the app's own `Access`."""

    def change(app: FastAPI, house: House) -> None:
        own = app.state.access
        app.state.access = replace(own, **{name: make(house, own) for name, make in parts.items()})

    return change


def ring_of(house: House, **issuers: str) -> KeyRing:
    """The public keys of the house; `issuers` says by service whose its key shall be believed to be."""
    keys = [
        house.signing_key(name).verification_key()
        for name in house.system.place.secrets.service_keys
    ]
    named = {name.replace("_", "-"): issuer for name, issuer in issuers.items()}
    return KeyRing(replace(key, issuer=named.get(key.issuer, key.issuer)) for key in keys)


def _person(claims: dict[str, Any]) -> UserIdentity:
    role, session_id = str(claims.get("role", "user")), str(claims.get("sid", ""))
    return UserIdentity(claims["sub"], role, session_id, str(claims.get("jti")), FAR)


@dataclass(frozen=True)
class PeopleBy:
    """A verifier of people's tokens that asks nothing beyond this verifier."""

    verifier: TokenVerifier

    def verify(self, token: str) -> UserIdentity:
        return _person(self.verifier.verify(token))


@dataclass(frozen=True)
class ServicesBy:
    """A verifier of services' tokens that asks nothing beyond this verifier, and believes any scope."""

    verifier: TokenVerifier
    scope: str

    def verify(self, token: str) -> ServiceIdentity:
        claims = self.verifier.verify(token)
        scopes = frozenset(str(claims.get("scope", self.scope)).split())
        return ServiceIdentity(claims["iss"], scopes, None, None, claims["jti"], FAR)


@dataclass(frozen=True)
class BelievesHeader:
    """Takes algorithm and key from the token itself: the classic fault of JWT libraries."""

    keys: KeyRing

    def verify(self, token: str) -> UserIdentity:
        header = jwt.get_unverified_header(token)
        if header["alg"] == "none":
            return _person(jwt.decode(token, options={"verify_signature": False}))
        options: Any = {"verify_aud": False}
        if "jwk" in header:
            key = jwt.PyJWK(header["jwk"]).key
            return _person(jwt.decode(token, key, algorithms=["EdDSA"], options=options))
        found = self.keys.find(header["kid"])
        assert found is not None
        secret = found.public_key.public_bytes_raw()
        return _person(jwt.decode(token, secret, algorithms=[header["alg"]], options=options))


@dataclass(frozen=True)
class BelievesClaims:
    """Reads the claims and never looks at the signature."""

    def verify(self, token: str) -> UserIdentity:
        return _person(jwt.decode(token, options={"verify_signature": False}))


def cookie_alone(_house: House, access: Any) -> Any:
    """A session reader that takes a good cookie for the user's will: no Origin, no CSRF token."""

    async def read(connection: HTTPConnection) -> Caller | None:
        token = connection.cookies.get(SESSION)
        return await access.person_reader(access.user_verifier.verify(token)) if token else None

    return read


def cookie_for_ever(_house: House, access: Any) -> Any:
    """A session reader that believes a good cookie without asking whether its session still lives."""

    async def read(connection: HTTPConnection) -> Caller | None:
        token = connection.cookies.get(SESSION)
        if token is None:
            return None
        person = access.user_verifier.verify(token)
        return Caller(person.user_id, person.role, None, person.session_id)

    return read
