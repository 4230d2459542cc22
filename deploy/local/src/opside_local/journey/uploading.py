"""Handing over report files by upload."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opside_local.journey.browser import Browser

FILES_IN_ONE_UPLOAD = 20
"""As many as the route takes."""


@dataclass(slots=True)
class Uploaded:
    """What was found in each file that could be read, and the others with the reason."""

    files: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)


async def upload(browser: Browser, files: Sequence[Path]) -> Uploaded:
    """Upload the files; both lists are in their order. Raises `Refused` if none can be read."""
    found = Uploaded()
    for start in range(0, len(files), FILES_IN_ONE_UPLOAD):
        with ExitStack() as stack:
            parts = [
                ("files", (path.name, stack.enter_context(path.open("rb")), "text/plain"))
                for path in files[start : start + FILES_IN_ONE_UPLOAD]
            ]
            answer = await browser.send("POST", "/api/reports/upload", files=parts)
        found.files += answer["files"]
        found.refused += answer["refused"]
    return found
