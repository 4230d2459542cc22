"""Google over HTTP: consent with PKCE, tokens, and the Gmail API v1."""

import base64
import hashlib
import hmac
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from integrations_backend.gmail_api.base64_field import Base64Field
from integrations_backend.gmail_api.errors import (
    AttachmentTooLarge,
    GmailUnavailable,
    MailDenied,
    MailRequestRefused,
    NotThere,
    OverQuota,
    TokenRefused,
)
from integrations_backend.gmail_api.gateway import (
    READ_SCOPE,
    Changes,
    Ids,
    Mail,
    MailFile,
    MailGrant,
    Profile,
)
from integrations_backend.gmail_api.shapes import SHOWN_HEADERS, changes_of, ids_of, mail_of
from integrations_backend.grants import Grant, GrantRefused
from integrations_backend.provider_answers import grant_of, json_object, token_answer
from integrations_backend.settings import Settings
from opside_chassis.database import refuse_open_transaction

ME = "/gmail/v1/users/me"
CHUNK_BYTES = 64 * 1024
OVER_QUOTA_REASONS = frozenset({"rateLimitExceeded", "userRateLimitExceeded"})
HISTORY_PAGE = 500
_VERIFIER = b"gmail code verifier:"


class LiveGmail:
    """The real thing, or a sandbox behind the same addresses."""

    def __init__(
        self, settings: Settings, tokens: httpx.AsyncClient, api: httpx.AsyncClient
    ) -> None:
        self._settings = settings
        self._tokens = tokens
        self._api = api

    def consent_url(self, state: str) -> str:
        """Google's consent page: offline, always asked, so that a refresh token comes."""
        digest = hashlib.sha256(self._verifier(state).encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._settings.gmail_client_id,
            "redirect_uri": self._settings.gmail_redirect_uri,
            "scope": READ_SCOPE,
            "state": state,
            "access_type": "offline",
            "prompt": "consent",
            "include_granted_scopes": "true",
            "code_challenge": _base64url(digest),
            "code_challenge_method": "S256",
        }
        return f"{self._settings.gmail_auth_url}/o/oauth2/v2/auth?{urlencode(query)}"

    async def exchange(self, code: str, *, state: str) -> MailGrant:
        """A consent code for tokens, once. Raises `GrantRefused` when no refresh token comes."""
        found = await self._token(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._settings.gmail_redirect_uri,
                "code_verifier": self._verifier(state),
            }
        )
        if not found.get("refresh_token"):
            raise GrantRefused
        return MailGrant(
            grant_of(found, GmailUnavailable),
            frozenset(str(found.get("scope", "")).split()),
        )

    async def refresh(self, refresh_token: str) -> Grant:
        """A fresh access token; the old refresh token stays good."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        found = await self._token(form)
        return grant_of(found, GmailUnavailable, kept_refresh_token=refresh_token)

    async def revoke(self, token: str) -> None:
        """End the authorisation; 400 means that the token is dead already."""
        answer = await self._post("/revoke", {"token": token})
        if not answer.is_success and answer.status_code != httpx.codes.BAD_REQUEST:
            raise GmailUnavailable(f"revocation answers {answer.status_code}")

    async def profile(self, access_token: str) -> Profile:
        """Whose mailbox it is."""
        found = await self._get(access_token, "/profile")
        return Profile(str(found["emailAddress"]).lower(), str(found["historyId"]))

    async def search(
        self, access_token: str, query: str, *, limit: int, page: str | None = None
    ) -> Ids:
        """Messages that Gmail's own search finds; an empty query finds all."""
        asked: dict[str, str | int] = {"maxResults": limit}
        if query:
            asked["q"] = query
        if page:
            asked["pageToken"] = page
        return ids_of(await self._get(access_token, "/messages", asked))

    async def changes(self, access_token: str, *, since: str, page: str | None = None) -> Changes:
        """What arrived since a history id; raises `NotThere` when that is too old."""
        asked: dict[str, str | int] = {
            "startHistoryId": since,
            "historyTypes": "messageAdded",
            "maxResults": HISTORY_PAGE,
        }
        if page:
            asked["pageToken"] = page
        return changes_of(await self._get(access_token, "/history", asked))

    async def headers(self, access_token: str, message_id: str) -> Mail:
        """Sender, subject, date and snippet."""
        asked = {"format": "metadata", "metadataHeaders": SHOWN_HEADERS}
        return mail_of(await self._get(access_token, f"/messages/{_segment(message_id)}", asked))

    async def message(self, access_token: str, message_id: str) -> Mail:
        """The message with its files."""
        path = f"/messages/{_segment(message_id)}"
        return mail_of(await self._get(access_token, path, {"format": "full"}))

    async def download(
        self, access_token: str, message_id: str, file: MailFile, target: Path, *, most_bytes: int
    ) -> None:
        """Write a file of a message to `target`, decoding it as it arrives."""
        with target.open("wb") as content:
            field = Base64Field(content, most_bytes)
            if file.attachment_id is None:
                field.feed(b'{"data":"' + (file.data or "").encode() + b'"}')
                return
            if file.size > most_bytes:
                raise AttachmentTooLarge
            refuse_open_transaction()
            path = (
                f"{ME}/messages/{_segment(message_id)}/attachments/{_segment(file.attachment_id)}"
            )
            try:
                async with self._api.stream("GET", path, headers=_bearer(access_token)) as answer:
                    if not answer.is_success:
                        await answer.aread()
                        raise _refusal(answer)
                    async for chunk in answer.aiter_bytes(CHUNK_BYTES):
                        field.feed(chunk)
            except httpx.HTTPError as error:
                raise GmailUnavailable(type(error).__name__) from error
            field.finish()

    async def _get(
        self,
        access_token: str,
        path: str,
        query: Any = None,  # noqa: ANN401 - httpx's own kinds
    ) -> dict[str, Any]:
        refuse_open_transaction()
        headers = _bearer(access_token)
        try:
            answer = await self._api.get(f"{ME}{path}", params=query, headers=headers)
        except httpx.HTTPError as error:
            raise GmailUnavailable(type(error).__name__) from error
        if not answer.is_success:
            raise _refusal(answer)
        return json_object(answer, GmailUnavailable)

    async def _token(self, form: dict[str, str]) -> dict[str, Any]:
        credentials = {
            "client_id": self._settings.gmail_client_id,
            "client_secret": self._settings.gmail_client_secret.get_secret_value(),
        }
        return token_answer(await self._post("/token", form | credentials), GmailUnavailable)

    async def _post(self, path: str, form: dict[str, str]) -> httpx.Response:
        refuse_open_transaction()
        try:
            return await self._tokens.post(path, data=form)
        except httpx.HTTPError as error:
            raise GmailUnavailable(type(error).__name__) from error

    def _verifier(self, state: str) -> str:
        """PKCE's secret: follows from the state and a key of ours, so that nothing is stored."""
        key = self._settings.encryption_key.get_secret_value().encode()
        return _base64url(hmac.digest(key, _VERIFIER + state.encode(), "sha256"))


def _bearer(access_token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {access_token}"}


def _segment(name: str) -> str:
    return quote(name, safe="")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _refusal(answer: httpx.Response) -> Exception:
    """The status first: a 503 may carry a page."""
    status = answer.status_code
    if status == httpx.codes.UNAUTHORIZED:
        return TokenRefused()
    if status == httpx.codes.NOT_FOUND:
        return NotThere()
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return OverQuota()
    if status == httpx.codes.FORBIDDEN:
        reason = _reason(answer)
        return OverQuota() if reason in OVER_QUOTA_REASONS else MailDenied(reason)
    if status == httpx.codes.BAD_REQUEST:
        return MailRequestRefused(_reason(answer))
    return GmailUnavailable(f"Gmail answers {status}")


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["errors"][0]["reason"])[:100]
    except (ValueError, LookupError, TypeError):
        return "unknown"
