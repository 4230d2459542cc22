"""Attacks with forged, borrowed and old tokens of people."""

import base64
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from security.house import (
    ADA,
    INTEGRATIONS,
    MAIN_API,
    PAYMENTS,
    House,
    Session,
    bearer,
)
from security.row import Attack, Built, Mutant
from security.weak_parts import (
    BelievesClaims,
    BelievesHeader,
    PeopleBy,
    believing,
    ring_of,
)

from opside_chassis.signed_token import USER_TOKEN, TokenKind, TokenVerifier
from opside_chassis.user_token import UserTokenVerifier

Forge = Callable[[House, Session], str]


def claims(session: Session, **changes: Any) -> dict[str, Any]:
    """What the token of this session says, but for the changes."""
    now = int(time.time())
    own = {"iss": MAIN_API, "aud": MAIN_API, "sub": session.user_id, "role": "user"}
    times = {"iat": now, "nbf": now, "exp": now + 600}
    return {**own, **times, "jti": uuid.uuid4().hex, "sid": session.session_id} | changes


def signed(house: House, body: dict[str, Any], *, by: str = MAIN_API, **header: Any) -> str:
    """By a key of the house."""
    key = house.signing_key(by)
    own = {"typ": "at+jwt", "kid": key.kid} | header
    return jwt.encode(body, key.private, algorithm="EdDSA", headers=own)


def who_am_i(forge: Forge) -> Callable[[House], Awaitable[int]]:
    """The status of `GET /api/me` with a token made from a real session of Ada's."""

    async def attempt(house: House) -> int:
        token = forge(house, await house.signed_in(ADA))
        return (await house.ask("GET", "/api/me", headers=bearer(token))).status_code

    return attempt


def unsigned(house: House, session: Session) -> str:
    header = {"typ": "at+jwt", "kid": house.signing_key(MAIN_API).kid}
    return jwt.encode(claims(session), None, algorithm="none", headers=header)


def confused(house: House, session: Session) -> str:
    """Signed with the public key as if it were a shared secret."""
    key = house.signing_key(MAIN_API)
    secret = key.private.public_key().public_bytes_raw()
    header = {"typ": "at+jwt", "kid": key.kid}
    return jwt.encode(claims(session), secret, algorithm="HS256", headers=header)


def own_key(house: House, session: Session) -> str:
    """Signed by a key of the attacker's that the token brings along."""
    mine = Ed25519PrivateKey.generate()
    raw = base64.urlsafe_b64encode(mine.public_key().public_bytes_raw()).rstrip(b"=").decode()
    header = {
        "typ": "at+jwt",
        "kid": house.signing_key(MAIN_API).kid,
        "jwk": {"kty": "OKP", "crv": "Ed25519", "x": raw},
    }
    return jwt.encode(claims(session), mine, algorithm="EdDSA", headers=header)


def altered(house: House, session: Session) -> str:
    """The claims of another, under the signature of a good token."""
    head, _, signature = session.token.split(".")
    _, body, _ = signed(house, claims(session, role="admin")).split(".")
    return f"{head}.{body}.{signature}"


def person_verifier(make: Callable[[House], object]) -> Built:
    return Built(app=believing(user_verifier=lambda house, _access: make(house)))


def people_by(kind: TokenKind, audience: str = MAIN_API) -> Built:
    return person_verifier(lambda house: PeopleBy(TokenVerifier(ring_of(house), kind, audience)))


async def two_headers(house: House) -> int:
    """Two Authorization headers: a proxy may check one and the service believe the other."""
    session = await house.signed_in()
    headers = [("Authorization", f"Bearer {session.token}"), ("Authorization", "Bearer other")]
    return (await house.ask("GET", "/api/me", headers=headers)).status_code


async def admins_word(house: House) -> int:
    """A token of our own making that says admin, for a user who is none any more."""
    session = await house.signed_in()
    token = signed(house, claims(session, role="admin"))
    path = f"/api/admin/users/{session.user_id}/collection"
    body = {"mode": "gross"}
    return (await house.ask("PUT", path, headers=bearer(token), json=body)).status_code


async def after_sign_out(house: House) -> int:
    session = await house.signed_in()
    left = await house.ask("POST", "/api/auth/logout", headers=session.proof())
    assert left.status_code == 204, left.text
    return (await house.ask("GET", "/api/auth/sessions", headers=bearer(session.token))).status_code


def slow_clock(house: House) -> UserTokenVerifier:
    return UserTokenVerifier(
        ring_of(house), MAIN_API, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)
    )


OLD = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
YEAR = 365 * 86_400

ATTACKS = (
    Attack(
        "token: alg none",
        who_am_i(unsigned),
        401,
        person_verifier(lambda house: BelievesHeader(ring_of(house))),
        200,
    ),
    Attack(
        "token: public key used as HS256 secret",
        who_am_i(confused),
        401,
        person_verifier(lambda house: BelievesHeader(ring_of(house))),
        200,
    ),
    Attack(
        "token: brings its own key (jwk)",
        who_am_i(own_key),
        401,
        person_verifier(lambda house: BelievesHeader(ring_of(house))),
        200,
    ),
    Attack(
        "token: claims changed under an old signature",
        who_am_i(altered),
        401,
        person_verifier(lambda _: BelievesClaims()),
        200,
    ),
    Attack(
        "token: for another service",
        who_am_i(lambda house, session: signed(house, claims(session, aud=PAYMENTS))),
        401,
        person_verifier(lambda house: UserTokenVerifier(ring_of(house), PAYMENTS)),
        200,
    ),
    Attack(
        "token: another service's key signs as main-api",
        who_am_i(lambda house, session: signed(house, claims(session), by=INTEGRATIONS)),
        401,
        person_verifier(
            lambda house: UserTokenVerifier(ring_of(house, integrations_backend=MAIN_API), MAIN_API)
        ),
        200,
    ),
    Attack(
        "token: another service makes people",
        who_am_i(
            lambda house, session: signed(house, claims(session, iss=INTEGRATIONS), by=INTEGRATIONS)
        ),
        401,
        people_by(USER_TOKEN),
        200,
    ),
    Attack(
        "token: a key id that is a path",
        who_am_i(lambda house, session: signed(house, claims(session), kid="../../keys/main-api")),
        401,
        person_verifier(lambda _: BelievesClaims()),
        200,
    ),
    Attack(
        "token: of another kind (typ)",
        who_am_i(lambda house, session: signed(house, claims(session), typ="svc+jwt")),
        401,
        people_by(TokenKind("svc+jwt", 900)),
        200,
    ),
    Attack(
        "token: expired",
        who_am_i(
            lambda house, session: signed(house, claims(session, iat=OLD, nbf=OLD, exp=OLD + 600))
        ),
        401,
        person_verifier(slow_clock),
        200,
    ),
    Attack(
        "token: good for a year",
        who_am_i(
            lambda house, session: signed(house, claims(session, exp=int(time.time()) + YEAR))
        ),
        401,
        people_by(TokenKind("at+jwt", 2 * YEAR)),
        200,
    ),
    Attack(
        "token: two Authorization headers",
        two_headers,
        401,
        Mutant(
            "opside_chassis/access.py",
            '        raise Unauthenticated("More than one Authorization header.")',
            "        pass",
        ),
        200,
    ),
    Attack(
        "token: says admin, the database says user",
        admins_word,
        403,
        Built(app=believing(person_reader=lambda *_: None)),
        204,
    ),
    Attack(
        "token: of a session that was signed out",
        after_sign_out,
        401,
        Built(app=believing(person_reader=lambda *_: None)),
        200,
    ),
)
