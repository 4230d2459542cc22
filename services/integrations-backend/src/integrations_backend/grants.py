"""What every provider's consent brings, and how it fails."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Grant:
    """Tokens as a provider gave them; the access token lives so many seconds, or (None) until revoked."""

    access_token: str
    refresh_token: str
    expires_in_seconds: int | None


class GrantRefused(Exception):
    """`invalid_grant`: only the seller can mend it, by consenting again."""


class TokenRefused(Exception):
    """401: the access token is over or revoked; a fresh one may be good."""


class NoAccess(Exception):
    """403 although the token is good: the grant does not allow it, or was just taken away."""


class ProviderUnavailable(Exception):
    """5xx, a timeout, a broken answer, or a fault of ours such as invalid_client: try again later."""


class Refresher(Protocol):
    """Whoever gives a fresh access token for a refresh token."""

    async def refresh(self, refresh_token: str) -> Grant:
        """A fresh grant; its refresh token replaces the old one.

        Raises:
            GrantRefused: the grant was withdrawn or has ended.
            ProviderUnavailable: no answer that means anything.
        """
        ...
