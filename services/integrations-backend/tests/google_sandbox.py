"""The Gmail sandbox as the service sees it, and a person who walks through Google's consent page."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from sandbox import Sandbox
from service import Keys, Service, build, settings_of

from integrations_backend.gmail_api.gateway import READ_SCOPE
from integrations_backend.gmail_api.live import LiveGmail
from integrations_backend.settings import Settings
from opside_chassis.clock import utc_now
from opside_chassis.database import Database
from opside_chassis.http_client import provider_client


def google_settings(sandbox: Sandbox) -> dict[str, str]:
    """What the service needs to take the sandbox for Google."""
    names = ("gmail_auth_url", "gmail_token_url", "gmail_api_url")
    client = {
        "gmail_client_id": "sandbox-gmail.apps.googleusercontent.com",
        "gmail_client_secret": "sandbox-gmail-" + "secret",
    }
    return client | dict.fromkeys(names, sandbox.gmail)


@asynccontextmanager
async def live_gmail(settings: Settings) -> AsyncIterator[LiveGmail]:
    """The real client, as `open_runtime` makes it."""
    tokens = provider_client(settings.gmail_token_url, timeout_seconds=30)
    api = provider_client(settings.gmail_api_url, timeout_seconds=30)
    try:
        yield LiveGmail(settings, tokens, api)
    finally:
        await tokens.aclose()
        await api.aclose()


@asynccontextmanager
async def service_with_mail(
    database: Database, folder: Path, sandbox: Sandbox
) -> AsyncIterator[Service]:
    """The service with the real Gmail client, talking to a sandbox that begins anew."""
    sandbox.ask("reset", snapshot=None)
    changes = google_settings(sandbox)
    async with live_gmail(settings_of(Keys(), folder, **changes)) as gmail:
        yield build(
            database, folder / "archive", amazon=None, clock=utc_now, gmail=gmail, **changes
        )


async def decide(consent_url: str, persona: str, **changes: str) -> dict[str, str]:
    """Submit Google's form; answers what comes back with the browser."""
    url = httpx.URL(consent_url)
    form = {**dict(url.params), "persona": persona, "decision": "allow", "granted": READ_SCOPE}
    async with httpx.AsyncClient() as browser:
        page = await browser.post(str(url.copy_with(query=None)), data=form | changes)
    assert page.status_code == 302, page.text
    return dict(httpx.URL(page.headers["location"]).params)


async def begin(service: Service, user_id: str) -> str:
    """Google's page for a signed-in user."""
    async with service.as_user(user_id) as browser:
        answer = await browser.get("/api/gmail/auth")
    assert answer.status_code == 200, answer.text
    return str(answer.json().get("consentUrl") or "")


async def returned(service: Service, user_id: str, query: dict[str, str]) -> str:
    """Google's return in the user's browser; answers how the dashboard was told."""
    known = {name: query[name] for name in ("state", "code", "error") if name in query}
    async with service.as_user(user_id) as browser:
        answer = await browser.get("/api/gmail/callback", params=known)
    assert answer.status_code == 302, answer.text
    return httpx.URL(answer.headers["location"]).params["connect"]


async def connect_mail(service: Service, user_id: str, persona: str) -> str:
    """The whole consent."""
    return await returned(service, user_id, await decide(await begin(service, user_id), persona))


async def mail_status(service: Service, user_id: str) -> tuple[str, str | None]:
    async with service.as_user(user_id) as browser:
        listed = (await browser.get("/api/connections")).json()
    gmail = next(one for one in listed if one["provider"] == "gmail")
    return gmail["status"], gmail.get("accountId")


async def deliver(
    sandbox: Sandbox,
    persona: str,
    content: bytes,
    *,
    filename: str = "NB-2026-7.pdf",
    subject: str = "Invoice NB-2026-7",
    sender: str = "billing@northbeam.example",
) -> str:
    """A letter with a file arrives; answers its id."""
    file = {"filename": filename, "content": base64.b64encode(content).decode()}
    letter = {"persona": persona, "sender": sender, "subject": subject, "text": "attached"}
    async with httpx.AsyncClient() as control:
        answer = await control.post(
            f"{sandbox.control}/control/gmail/deliver", json=letter | {"attachments": [file]}
        )
    return str(answer.raise_for_status().json()["id"])
