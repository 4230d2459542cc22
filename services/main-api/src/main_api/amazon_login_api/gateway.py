"""What we need of Login with Amazon."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class AmazonProfile:
    """The person, as Amazon knows him."""

    user_id: str
    email: str
    name: str


class AmazonLogin(Protocol):
    """Login with Amazon (facts/amazon-gmail.md section 1.1)."""

    def consent_url(self, *, state: str, code_challenge: str) -> str:
        """Where to send the browser."""
        ...

    async def profile(self, *, code: str, code_verifier: str) -> AmazonProfile:
        """Exchange the code, once, and read who consented.

        Raises:
            CodeRefused: the code is not good.
            AmazonUnavailable: try signing in again later.
        """
        ...
