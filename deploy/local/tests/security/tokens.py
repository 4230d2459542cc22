"""Attacks with forged, borrowed, old and repeated tokens."""

import base64
import hmac
import json
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
from security.row import Attack, Built, Database, Mutant
from security.weak_parts import (
    BelievesClaims,
    BelievesHeader,
    PeopleBy,
    ServicesBy,
    believing,
    ring_of,
)

from opside_chassis.service_token import ServiceTokenVerifier
from opside_chassis.signed_token import USER_TOKEN, TokenKind, TokenVerifier
from opside_chassis.user_token import UserTokens, UserTokenVerifier
from opside_contracts import scopes

FOREIGN_SECRET = "whsec" + "_" + "a" * 32
CHARGE = "/api/v1/stripe/charge-commission"
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


ONE_KIND = Mutant(
    "opside_chassis/signed_token.py",
    '            raise _RefusedError("another kind of token")',
    "            pass",
)


async def tells(house: House, token: str) -> int:
    """The status of an empty event: 422 for who may send events."""
    return (await house.ask("POST", "/internal/events", headers=bearer(token), json={})).status_code


async def person_as_service(house: House) -> int:
    session = await house.signed_in()
    return await tells(house, session.token)


async def service_claims_as_person(house: House) -> int:
    """All that a service token says, but of the kind that people's tokens are."""
    body = {"iss": INTEGRATIONS, "aud": MAIN_API, "sub": INTEGRATIONS, "jti": uuid.uuid4().hex}
    now = int(time.time())
    body |= {"iat": now, "nbf": now, "exp": now + 50, "scope": scopes.PUBLISH_EVENT}
    return await tells(house, signed(house, body, by=INTEGRATIONS))


async def foreign_scope(house: House) -> int:
    """integrations-backend writes a scope into its token that only main-api has."""
    token = house.service_token(INTEGRATIONS, PAYMENTS, scopes.CHARGE_COMMISSION)
    return (
        await house.ask("POST", house.payments + CHARGE, headers=bearer(token), json={})
    ).status_code


async def foreign_acting(house: House) -> int:
    """integrations-backend claims to act for an administrator at stripe-payments."""
    acting = {"act_for": "usr_x", "act_role": "admin"}
    token = house.service_token(INTEGRATIONS, PAYMENTS, scopes.ACT_FOR_USER, **acting)
    url = f"{house.payments}/api/v1/stripe/ledger/proof"
    return (await house.ask("GET", url, headers=bearer(token))).status_code


async def person_charges(house: House) -> int:
    """A seller's own token for stripe-payments at the route that takes money."""
    session = await house.signed_in()
    tokens = UserTokens(house.signing_key(MAIN_API))
    token = tokens.mint(
        audience=PAYMENTS, user_id=session.user_id, role="user", session_id=session.session_id
    )
    return (
        await house.ask("POST", house.payments + CHARGE, headers=bearer(token), json={})
    ).status_code


async def replayed_charge(house: House) -> tuple[int, int]:
    """One service token, two fees: somebody kept the request and sends it with another claim."""
    token = house.service_token(MAIN_API, PAYMENTS, scopes.CHARGE_COMMISSION)
    answers = []
    for _ in range(2):
        key = uuid.uuid4().hex
        body = {"userId": "usr_replay", "claimId": f"clm_{key}", "currency": "usd"}
        answer = await house.ask(
            "POST",
            house.payments + CHARGE,
            headers=bearer(token) | {"Idempotency-Key": key},
            json={**body, "amountRecoveredCents": 1_000},
        )
        answers.append(answer.status_code)
    return answers[0], answers[1]


async def forged_delivery(house: House) -> int:
    """An event that says a fee was paid, signed with a secret of the attacker's."""
    body = json.dumps({"id": "evt_forged", "type": "payment_intent.succeeded"}).encode()
    stamp = str(int(time.time()))
    signature = hmac.digest(FOREIGN_SECRET.encode(), f"{stamp}.".encode() + body, "sha256").hex()
    headers = {"Stripe-Signature": f"t={stamp},v1={signature}"}
    url = f"{house.payments}/webhooks/stripe"
    return (await house.ask("POST", url, headers=headers, content=body)).status_code


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
        "token: a person's as a service's",
        person_as_service,
        403,
        Built(
            app=believing(
                service_verifier=lambda house, _: ServicesBy(
                    TokenVerifier(ring_of(house), USER_TOKEN, MAIN_API), scopes.PUBLISH_EVENT
                )
            )
        ),
        422,
    ),
    Attack(
        "token: a service's claims in a person's kind", service_claims_as_person, 401, ONE_KIND, 422
    ),
    Attack(
        "token: a scope that was not granted",
        foreign_scope,
        403,
        Built(
            PAYMENTS,
            app=believing(
                service_verifier=lambda house, _: ServiceTokenVerifier(ring_of(house), PAYMENTS)
            ),
        ),
        422,
    ),
    Attack(
        "token: a service acts for an admin without leave",
        foreign_acting,
        403,
        Built(
            PAYMENTS,
            app=believing(
                service_verifier=lambda house, _: ServiceTokenVerifier(ring_of(house), PAYMENTS),
                acting_services=lambda *_: frozenset({MAIN_API, INTEGRATIONS}),
            ),
        ),
        200,
    ),
    Attack(
        "token: a person charges a fee",
        person_charges,
        403,
        Built(
            PAYMENTS,
            app=believing(
                service_verifier=lambda house, _: ServicesBy(
                    TokenVerifier(ring_of(house), USER_TOKEN, PAYMENTS), scopes.CHARGE_COMMISSION
                )
            ),
        ),
        422,
    ),
    Attack(
        "token: replayed at the route that takes money",
        replayed_charge,
        (202, 401),
        Database(
            "ALTER TABLE payments.used_token_ids DROP CONSTRAINT pk_used_token_ids",
            "ALTER TABLE payments.used_token_ids DISABLE TRIGGER keep_live_token;"
            "DELETE FROM payments.used_token_ids;"
            "ALTER TABLE payments.used_token_ids ENABLE TRIGGER keep_live_token;"
            "ALTER TABLE payments.used_token_ids"
            " ADD CONSTRAINT pk_used_token_ids PRIMARY KEY (issuer, token_id)",
        ),
        (202, 202),
    ),
    Attack(
        "webhook: signed with another secret",
        forged_delivery,
        400,
        Built(PAYMENTS, settings=lambda _: {"STRIPE_WEBHOOK_SECRET": FOREIGN_SECRET}),
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
