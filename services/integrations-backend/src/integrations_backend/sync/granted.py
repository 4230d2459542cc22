"""A seller's access token for the length of one run."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from integrations_backend.amazon_api.errors import AccessDenied
from integrations_backend.amazon_api.gateway import Amazon
from integrations_backend.vault.tokens import TokenVault

T = TypeVar("T")


@dataclass(slots=True)
class Granted:
    """Reads the token once; a run is much shorter than the five minutes that it is good for."""

    tokens: TokenVault
    amazon: Amazon
    user_id: str
    _token: str | None = None

    async def call(self, call: Callable[[str], Awaitable[T]]) -> T:
        """Call with the stored token, and once more with a fresh one if Amazon refuses it.

        Raises:
            AccessDenied: refused again: the role is missing.
            GrantRefused: no fresh token is given: the authorisation was withdrawn.
        """
        if self._token is None:
            self._token = await self.tokens.access_token(self.amazon, user_id=self.user_id)
        try:
            return await call(self._token)
        except AccessDenied:
            self._token = await self.tokens.access_token(
                self.amazon, user_id=self.user_id, refused=self._token
            )
            return await call(self._token)
