"""The Amazon sandbox as a process of its own, and a seller who walks through its consent page."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import IO, Any

import httpx
from service import Service

from integrations_backend.amazon_api.live import LiveAmazon
from integrations_backend.settings import Settings
from opside_chassis.http_client import provider_client

APPLICATION = {
    "amazon_client_id": "amzn1.application-oa2-client.sandbox-seller",
    "amazon_client_secret": "sandbox-seller-" + "secret",
    "amazon_application_id": "amzn1.sp.solution.sandbox-seller",
}


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox: Amazon's address, and that of the control API."""

    amazon: str
    control: str
    gmail: str = ""
    stripe: str = ""

    @property
    def settings(self) -> dict[str, str]:
        """What the service needs to take it for Amazon."""
        names = ("amazon_seller_central_url", "amazon_lwa_url", "amazon_sp_api_url")
        return APPLICATION | dict.fromkeys(names, self.amazon)

    def ask(self, path: str, **body: object) -> Any:
        """The control API: GET, or POST with a body."""
        url = f"{self.control}/control/{path}"
        answer = httpx.post(url, json=body) if body else httpx.get(url)
        return answer.raise_for_status().json()

    async def allow(self, persona: str, *, state: str, redirect_uri: str) -> dict[str, str]:
        """The seller says yes at Seller Central; answers what comes back with his browser."""
        form = {
            "application_id": APPLICATION["amazon_application_id"],
            "redirect_uri": redirect_uri,
            "state": state,
            "persona": persona,
            "decision": "allow",
        }
        async with httpx.AsyncClient() as browser:
            page = await browser.post(f"{self.amazon}/apps/authorize/consent", data=form)
        return dict(httpx.URL(page.headers["location"]).params)

    async def consent(self, service: Service, user_id: str, persona: str) -> str:
        """The whole consent of a user; answers how the dashboard was told."""
        returned = await self.allow(
            persona,
            state=await service.begin_consent(user_id),
            redirect_uri=service.runtime.settings.amazon_redirect_uri,
        )
        return await service.returned(user_id, **returned)


@contextmanager
def running(**settings: str) -> Iterator[Sandbox]:
    """A sandbox on free ports for the length of a block."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SANDBOX_")},
        **{f"SANDBOX_{door}_PORT": "0" for door in ("STRIPE", "AMAZON", "GMAIL", "CONTROL")},
        "SANDBOX_CONTROL": "on",
        "SANDBOX_AMAZON_RATE_FACTOR": "100",
        "SANDBOX_AMAZON_REPORT_SECONDS": "0.05",
        "SANDBOX_AMAZON_DECISION_SECONDS": "0.05",
        **settings,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "opside_sandbox"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        addresses = dict(_until_control(process.stdout))
        yield Sandbox(**addresses)
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def _until_control(said: IO[str]) -> Iterator[list[str]]:
    """The doors as they are named, one a line; the control API is the last."""
    for line in said:
        yield line.split()
        if line.startswith("control"):
            return
    raise AssertionError("the sandbox did not start")


@asynccontextmanager
async def live_amazon(settings: Settings) -> AsyncIterator[LiveAmazon]:
    """The real client, as `open_runtime` makes it."""
    lwa = provider_client(settings.amazon_lwa_url, timeout_seconds=10)
    api = provider_client(settings.amazon_sp_api_url, timeout_seconds=10)
    try:
        yield LiveAmazon(settings, lwa, api)
    finally:
        await lwa.aclose()
        await api.aclose()
