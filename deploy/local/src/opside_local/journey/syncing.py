"""Syncs: the first starts by itself after the seller's consent, later ones by a click."""

from collections.abc import Mapping
from typing import Any

from opside_local.journey.browser import Browser
from opside_local.journey.errors import JourneyFailed
from opside_local.journey.listing import everything
from opside_local.journey.waiting import until

DONE = "done"
FINISHED = {DONE, "failed", "cancelled"}


async def wait_for_sync(browser: Browser, sync_id: str | None = None) -> Mapping[str, Any]:
    """The status of this sync, or of the newest one, once it has finished.

    Raises `JourneyFailed` when it failed.
    """
    if sync_id is None:
        history = await until(
            lambda: everything(browser, "/api/sync/history"),
            done=bool,
            what="the first sync's start",
        )
        sync_id = history[0]["syncId"]
    answer = await until(
        lambda: browser.get(f"/api/sync/status/{sync_id}"),
        done=lambda answer: answer["data"]["status"] in FINISHED,
        what=f"the end of the sync {sync_id}",
    )
    status: Mapping[str, Any] = answer["data"]
    if status["status"] != DONE:
        raise JourneyFailed(f"the sync {sync_id} {status['status']}: {status}")
    return status


async def sync_again(browser: Browser) -> Mapping[str, Any]:
    """Start a sync (or join the one that runs) and wait for its end."""
    started = await browser.send("POST", "/api/sync/start", body={})
    return await wait_for_sync(browser, started["syncId"])
