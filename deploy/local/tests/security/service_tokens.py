"""Attacks with the tokens of services, and with deliveries that a provider never made."""

import hmac
import json
import time
import uuid

from security.house import (
    INTEGRATIONS,
    MAIN_API,
    PAYMENTS,
    House,
    bearer,
)
from security.row import Attack, Built, Database, Mutant
from security.tokens import signed
from security.weak_parts import (
    ServicesBy,
    believing,
    ring_of,
)

from opside_chassis.service_token import ServiceTokenVerifier
from opside_chassis.signed_token import USER_TOKEN, TokenVerifier
from opside_chassis.user_token import UserTokens
from opside_contracts import scopes

FOREIGN_SECRET = "whsec" + "_" + "a" * 32
CHARGE = "/api/v1/stripe/charge-commission"


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
    about = {"object": {"id": "pi_forged"}}
    event = {"id": "evt_forged", "type": "payment_intent.succeeded", "data": about}
    body = json.dumps(event).encode()
    stamp = str(int(time.time()))
    signature = hmac.digest(FOREIGN_SECRET.encode(), f"{stamp}.".encode() + body, "sha256").hex()
    headers = {"Stripe-Signature": f"t={stamp},v1={signature}"}
    url = f"{house.payments}/webhooks/stripe"
    return (await house.ask("POST", url, headers=headers, content=body)).status_code


ATTACKS = (
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
)
