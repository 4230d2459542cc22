"""Stripe over HTTP: Connect OAuth, and the two reads that a grant of scope `read_only` is for.

A seller's calls go out with the token that he granted, so that no call can reach another's account.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx

from integrations_backend.grants import Grant
from integrations_backend.provider_answers import grant_of, json_object, token_answer
from integrations_backend.settings import Settings
from integrations_backend.stripe_oauth_api.errors import (
    NoAccess,
    RequestRefused,
    StripeUnavailable,
    Throttled,
    TokenRefused,
)
from integrations_backend.stripe_oauth_api.gateway import (
    Account,
    AccountGrant,
    TransactionsPage,
)
from integrations_backend.stripe_oauth_api.read import NotAsDescribed, account_of, page_of
from opside_chassis.database import refuse_open_transaction

T = TypeVar("T")
SCOPE = "read_only"
PAGE_SIZE = 100
"""Stripe's largest page."""


class LiveStripe:
    """The real thing, or a sandbox behind the same addresses."""

    def __init__(
        self,
        settings: Settings,
        connect: httpx.AsyncClient,
        api: httpx.AsyncClient,
        *,
        page_size: int = PAGE_SIZE,
    ) -> None:
        self._settings = settings
        self._connect = connect
        self._api = api
        self._page_size = page_size

    def consent_url(self, state: str) -> str:
        """Where a seller links his account, for reading only."""
        query = {
            "response_type": "code",
            "client_id": self._settings.stripe_client_id,
            "scope": SCOPE,
            "redirect_uri": self._settings.stripe_redirect_uri,
            "state": state,
        }
        return f"{self._settings.stripe_connect_url}/oauth/authorize?{urlencode(query)}"

    async def exchange(self, code: str) -> AccountGrant:
        """A consent code for tokens, once."""
        found = await self._token({"grant_type": "authorization_code", "code": code})
        account_id = found.get("stripe_user_id")
        if not isinstance(account_id, str):
            raise StripeUnavailable("the token endpoint's answer lacks the account")
        return AccountGrant(_grant(found), account_id)

    async def refresh(self, refresh_token: str) -> Grant:
        """A fresh access token; the refresh token in the answer replaces the old one."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return _grant(await self._token(form))

    async def deauthorize(self, account_id: str) -> None:
        """End the platform's access; an account that is not connected is fine as well."""
        form = {"client_id": self._settings.stripe_client_id, "stripe_user_id": account_id}
        answer = await self._post("deauthorize", form)
        if answer.is_success:
            return
        told = str(json_object(answer, StripeUnavailable).get("error_description", ""))
        if answer.status_code == httpx.codes.UNAUTHORIZED and "not connected" in told:
            return
        raise StripeUnavailable(f"deauthorize answers {answer.status_code}")

    async def account(self, access_token: str) -> Account:
        """The account that the token opens."""
        return _as_described(account_of, await self._get(access_token, "/v1/account", {}))

    async def transactions(
        self, access_token: str, *, since: datetime | None, after: str | None
    ) -> TransactionsPage:
        """Balance transactions made at `since` or later, newest first, after the one named."""
        query = {"limit": str(self._page_size), "expand[]": "data.source"}
        if since is not None:
            query["created[gte]"] = str(int(since.timestamp()))
        if after is not None:
            query["starting_after"] = after
        found = await self._get(access_token, "/v1/balance_transactions", query)
        return _as_described(page_of, found)

    async def _get(self, access_token: str, path: str, query: dict[str, str]) -> dict[str, Any]:
        refuse_open_transaction()
        headers = {
            "Authorization": f"Bearer {access_token}",
            "Stripe-Version": self._settings.stripe_api_version,
        }
        try:
            answer = await self._api.get(path, params=query, headers=headers)
        except httpx.HTTPError as error:
            raise StripeUnavailable(type(error).__name__) from error
        match answer.status_code:
            case 401:
                raise TokenRefused(path)
            case 403:
                raise NoAccess(path)
            case 429:
                raise Throttled(path)
            case 400 | 404:
                raise RequestRefused(f"{answer.status_code} {path}")
        if not answer.is_success:
            raise StripeUnavailable(f"{answer.status_code} {path}")
        return json_object(answer, StripeUnavailable)

    async def _token(self, form: dict[str, str]) -> dict[str, Any]:
        return token_answer(await self._post("token", form), StripeUnavailable)

    async def _post(self, endpoint: str, form: dict[str, str]) -> httpx.Response:
        refuse_open_transaction()
        secret = self._settings.stripe_client_secret.get_secret_value()
        headers = {"Authorization": f"Bearer {secret}"}
        try:
            return await self._connect.post(f"/oauth/{endpoint}", data=form, headers=headers)
        except httpx.HTTPError as error:
            raise StripeUnavailable(type(error).__name__) from error


def _grant(found: dict[str, Any]) -> Grant:
    """Connect's tokens carry no end: they are good until somebody takes them back."""
    return grant_of(found, StripeUnavailable, may_be_endless=True)


def _as_described(read: Callable[[dict[str, Any]], T], found: dict[str, Any]) -> T:
    try:
        return read(found)
    except NotAsDescribed as error:
        raise StripeUnavailable(f"the answer is not as described: {error}") from error
