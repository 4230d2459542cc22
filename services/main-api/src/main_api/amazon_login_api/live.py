"""Login with Amazon over HTTP."""

from typing import Any
from urllib.parse import urlencode

import httpx

from main_api.amazon_login_api.errors import AmazonUnavailable, CodeRefused
from main_api.amazon_login_api.gateway import AmazonProfile
from main_api.settings import Settings
from opside_chassis.database import refuse_open_transaction

SCOPE = "profile"
_BAD_CODE = {"invalid_grant", "invalid_request"}


class LiveAmazonLogin:
    """The real thing, or a sandbox behind the same addresses."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient) -> None:
        self._settings = settings
        self._http = http

    def consent_url(self, *, state: str, code_challenge: str) -> str:
        """Where to send the browser."""
        query = {
            "client_id": self._settings.amazon_login_client_id,
            "scope": SCOPE,
            "response_type": "code",
            "redirect_uri": self._settings.amazon_login_redirect_uri,
            "state": state,
            "code_challenge": code_challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._settings.amazon_login_url}/ap/oa?{urlencode(query)}"

    async def profile(self, *, code: str, code_verifier: str) -> AmazonProfile:
        """Exchange the code, once, and read who consented."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._settings.amazon_login_redirect_uri,
            "client_id": self._settings.amazon_login_client_id,
            "client_secret": self._settings.amazon_login_client_secret.get_secret_value(),
            "code_verifier": code_verifier,
        }
        granted = await self._call("POST", "/auth/o2/token", data=form)
        token = granted.get("access_token", "")
        person = await self._call(
            "GET", "/user/profile", headers={"Authorization": f"Bearer {token}"}
        )
        try:
            return AmazonProfile(
                user_id=person["user_id"],
                email=person.get("email", ""),
                name=person.get("name", ""),
            )
        except KeyError as error:
            raise AmazonUnavailable("Amazon answered without saying who signed in") from error

    async def _call(self, method: str, path: str, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        refuse_open_transaction()
        try:
            answer = await self._http.request(method, path, **request)
            body = answer.json() if answer.content else {}
        except (httpx.HTTPError, ValueError) as error:
            raise AmazonUnavailable("Amazon does not answer; try again in a minute") from error
        if not isinstance(body, dict):
            raise AmazonUnavailable("Amazon answered something else than an object")
        if answer.is_success:
            return body
        if answer.status_code == httpx.codes.BAD_REQUEST and body.get("error") in _BAD_CODE:
            raise CodeRefused("Amazon did not accept this sign-in; start again")
        raise AmazonUnavailable("Amazon could not complete the sign-in; try again later")
