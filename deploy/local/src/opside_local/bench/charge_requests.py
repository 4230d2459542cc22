"""What the charge benches send: each request a new recovery, a new key, a fresh service token."""

import base64
import json
import uuid
from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from opside_chassis.keyring import SigningKey
from opside_chassis.service_token import ServiceTokens
from opside_contracts import scopes
from opside_local.bench import charge_floor, http_load
from opside_local.bench.payments import PaymentsPlace
from opside_local.secrets import MAIN_API, PAYMENTS

PATH = "/api/v1/stripe/charge-commission"
SELLERS = 50


def for_us(
    payments: PaymentsPlace, count: int, *, sellers: int = SELLERS, collection: str = "fee_only"
) -> list[bytes]:
    """Requests of main-api to stripe-payments."""
    tokens = ServiceTokens(_signing_key(payments), MAIN_API)
    return [
        http_load.post(
            PATH,
            body,
            {
                "Idempotency-Key": key,
                "Authorization": "Bearer "
                + tokens.mint(audience=PAYMENTS, scope=scopes.CHARGE_COMMISSION),
            },
        )
        for key, body in _asked(count, sellers, collection=collection)
    ]


def for_floor(count: int) -> list[bytes]:
    """The same to the floor, which asks for no token."""
    return [
        http_load.post(charge_floor.PATH, body, {"Idempotency-Key": key})
        for key, body in _asked(count, SELLERS)
    ]


def _asked(count: int, sellers: int, **more: str) -> Iterator[tuple[str, bytes]]:
    for number in range(count):
        asked = {
            "userId": f"usr_{number % sellers}",
            "claimId": f"clm_{uuid.uuid4().hex}",
            "recoveryId": str(number),
            "amountRecoveredCents": 10_000 + number,
            "currency": "usd",
            **more,
        }
        yield f"commission-{uuid.uuid4().hex}", json.dumps(asked).encode()


def _signing_key(payments: PaymentsPlace) -> SigningKey:
    drawn = payments.place.secrets.service_keys[MAIN_API]
    seed = base64.urlsafe_b64decode(drawn.private_key + "=")
    return SigningKey(drawn.kid, MAIN_API, Ed25519PrivateKey.from_private_bytes(seed))
