"""Checking service tokens seen for the first time: our verifier against a bare PyJWT decode of the same."""

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from opside_chassis.keyring import KeyRing, SigningKey
from opside_chassis.service_token import ServiceTokens, ServiceTokenVerifier
from opside_local.bench.figures import Figures, rates

UNIT = "tokens/s"
COUNT = 2_000


async def measure() -> Figures:
    """Verify many tokens once each, as routes that take money do."""
    key = SigningKey("bench", "main-api", Ed25519PrivateKey.generate())
    audience = "stripe-payments"
    minting = ServiceTokens(key, "main-api")
    tokens = [minting.mint(audience=audience, scope="commissions:charge") for _ in range(COUNT)]
    public = key.verification_key().public_key

    async def ours() -> int:
        verifier = ServiceTokenVerifier(KeyRing([key.verification_key()]), audience)
        for token in tokens:
            verifier.verify(token)
        return COUNT

    async def floor() -> int:
        for token in tokens:
            jwt.decode(token, public, algorithms=["EdDSA"], audience=audience)
        return COUNT

    return await rates(ours, floor)
