"""ID tokens (OpenID Connect): RS256, checked with the keys of `/oauth2/v3/certs`."""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from opside_sandbox.gmail.oauth.scopes import EMAIL, OPENID, PROFILE
from opside_sandbox.gmail.people import Account
from opside_sandbox.state import SandboxState

ISSUER = "https://accounts.google.com"
_COLLECTION, _KEY_ID = "gmail.keys", "sandbox-google-1"


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _key(state: SandboxState) -> rsa.RSAPrivateKey:
    """The run's signing key, drawn once and kept: a restart must not spoil tokens."""
    kept = state.store.get(_COLLECTION, _KEY_ID)
    if kept is None:
        fresh = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        form = serialization.PrivateFormat.PKCS8
        data = fresh.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption())
        kept = state.store.put(_COLLECTION, _KEY_ID, {"der": base64.b64encode(data).decode()})
    key = serialization.load_der_private_key(base64.b64decode(kept["der"]), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the kept key is no RSA key")
    return key


def certificates(state: SandboxState) -> dict[str, Any]:
    """The public key as a JWK set."""
    numbers = _key(state).public_key().public_numbers()
    return {
        "keys": [
            {
                "kty": "RSA",
                "use": "sig",
                "alg": "RS256",
                "kid": _KEY_ID,
                "n": _text(numbers.n.to_bytes(256, "big")),
                "e": _text(numbers.e.to_bytes(3, "big")),
            }
        ]
    }


def claims_of(person: Account, scopes: frozenset[str]) -> dict[str, Any]:
    """What these scopes tell about a person."""
    claims: dict[str, Any] = {"sub": person.sub}
    if EMAIL in scopes:
        claims |= {"email": person.email, "email_verified": True}
    if PROFILE in scopes:
        given, _, family = person.name.partition(" ")
        claims |= {"name": person.name, "given_name": given, "family_name": family}
    return claims


def issue(
    state: SandboxState, person: Account, scopes: frozenset[str], nonce: str = ""
) -> str | None:
    """A signed token of an hour; None without the scope `openid`."""
    if OPENID not in scopes:
        return None
    client, now = state.settings.gmail_app.client_id, state.clock.timestamp()
    claims = {"iss": ISSUER, "azp": client, "aud": client, **claims_of(person, scopes)}
    claims |= {"iat": now, "exp": now + 3600} | ({"nonce": nonce} if nonce else {})
    head = {"alg": "RS256", "kid": _KEY_ID, "typ": "JWT"}
    signed = ".".join(_text(json.dumps(one).encode()) for one in (head, claims))
    signature = _key(state).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{_text(signature)}"
