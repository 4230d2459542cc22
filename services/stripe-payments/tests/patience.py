"""A sender who comes again: a crowd of requests on a busy machine may be told 503."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx

MOST_TRIES = 30


async def patiently(send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Send as Stripe and our own services do: again, in a moment, when the service was busy."""
    for _ in range(MOST_TRIES):
        answer = await send()
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            break
        await asyncio.sleep(float(answer.headers["Retry-After"]))
    return answer
