"""Checking a service token: our verifier against a bare PyJWT decode of the same token."""

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from opside_chassis.keyring import KeyRing, SigningKey
from opside_chassis.service_token import ServiceTokens, ServiceTokenVerifier
from opside_local.bench.figures import Figures, rates

UNIT = "tokens/s"
COUNT = 2_000


async def measure() -> Figures:
    """Verify one token again and again, as a busy minute does."""
    key = SigningKey("bench", "main-api", Ed25519PrivateKey.generate())
    audience = "stripe-payments"
    token = ServiceTokens(key, "main-api").mint(audience=audience, scope="commissions:charge")
    verifier = ServiceTokenVerifier(KeyRing([key.verification_key()]), audience)
    public = key.verification_key().public_key

    async def ours() -> int:
        for _ in range(COUNT):
            verifier.verify(token)
        return COUNT

    async def floor() -> int:
        for _ in range(COUNT):
            jwt.decode(token, public, algorithms=["EdDSA"], audience=audience)
        return COUNT

    return await rates(ours, floor)
