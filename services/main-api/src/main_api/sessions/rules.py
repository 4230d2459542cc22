"""Pure rules of sign-in: random secrets, their hashes, PKCE, and how long things last."""

import base64
import hashlib
import secrets

STATE_BYTES = 32
"""256 random bits (facts/money-safety.md section 8)."""
ATTEMPT_LIFETIME_SECONDS = 600
ACCESS_TOKEN_SECONDS = 600
"""Under the 15 minutes a user token may live."""
REFRESH_RACE_SECONDS = 10
"""Two tabs may bring one refresh token within so many seconds; later it counts as stolen."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def new_secret() -> str:
    """A fresh secret for a state, a browser cookie, a refresh token or a CSRF token."""
    return secrets.token_urlsafe(STATE_BYTES)


def hash_of(secret: str) -> str:
    """What is stored of a secret. Plain SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def code_challenge(code_verifier: str) -> str:
    """PKCE S256 (RFC 7636)."""
    digest = hashlib.sha256(code_verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def same_secret(one: str, other: str) -> bool:
    """Compare without telling by time how much was right."""
    return secrets.compare_digest(one.encode(), other.encode())
