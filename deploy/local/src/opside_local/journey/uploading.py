"""Handing over report files by upload."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from opside_local.journey.browser import Browser

FILES_IN_ONE_UPLOAD = 20
"""As many as the route takes."""


async def upload(browser: Browser, files: Sequence[Path]) -> list[dict[str, Any]]:
    """Upload the files; what was found in each, in the same order. Raises `Refused`."""
    found: list[dict[str, Any]] = []
    for start in range(0, len(files), FILES_IN_ONE_UPLOAD):
        with ExitStack() as stack:
            parts = [
                ("files", (path.name, stack.enter_context(path.open("rb")), "text/plain"))
                for path in files[start : start + FILES_IN_ONE_UPLOAD]
            ]
            answer = await browser.send("POST", "/api/reports/upload", files=parts)
        found += answer["files"]
    return found
