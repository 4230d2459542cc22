"""What both sides of the money say: the sandbox over its control API, ours over the front door."""

import asyncio
from typing import Any

import httpx

from opside_local.books import compare
from opside_local.journey.browser import Browser
from opside_local.system import System


async def control(system: System, path: str, **body: object) -> Any:
    """The sandbox's control API: GET, or POST with a body."""
    url = f"{system.urls.control}/control/{path}"
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await (client.post(url, json=body) if body else client.get(url))
        return answer.raise_for_status().json()


async def differences(system: System, admin: Browser) -> list[str]:
    """Between our ledger and Stripe's own book, once what is on its way has arrived."""
    found: list[str] = []
    for _ in range(40):
        found = compare(
            await admin.get("/api/v1/stripe/ledger/proof"), await control(system, "stripe/books")
        ).differences
        if not found:
            break
        await asyncio.sleep(0.5)
    return found
