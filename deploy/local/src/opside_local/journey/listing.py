"""Lists that come in pages."""

from typing import Any

from opside_local.journey.browser import Browser

PAGE_SIZE = "100"
MAX_PAGES = 500


async def everything(browser: Browser, path: str, **query: str) -> list[dict[str, Any]]:
    """Every entry of a list; raises `Refused`."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    for _ in range(MAX_PAGES):
        page = await browser.get(path, limit=PAGE_SIZE, **query, **cursor)
        found += page["items"]
        if page["nextCursor"] is None:
            break
        cursor = {"cursor": page["nextCursor"]}
    return found
