"""A PDF's text, by way of a small process that may die of it."""

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Any

from integrations_backend.invoices.errors import Unreadable
from integrations_backend.invoices.page_text import DocumentText, Line, Word, lines_of

WALL_SECONDS = 12.0
"""Longer than its processor time; shorter than a job."""
LONGEST_ANSWER_BYTES = 32 * 1024 * 1024
_CHUNK = 1024 * 1024
READER = ("-I", "-m", "integrations_backend.invoices.pdf_words")
AT_ONCE = asyncio.Semaphore(2)
"""Readers at work in one program: each may take half a gigabyte."""


async def pdf_text(content: Path, *, wall_seconds: float = WALL_SECONDS) -> DocumentText:
    """Words on lines on pages.

    Raises:
        Unreadable: broken, locked, or more work than a paper may be.
    """
    async with AT_ONCE:
        answer = await _ask(content, wall_seconds)
    if "error" in answer:
        raise Unreadable(f"the PDF cannot be read: {answer['error']}")
    lines: list[Line] = []
    for number, words in enumerate(answer["pages"], 1):
        lines += lines_of(number, (Word(*word) for word in words))
    return DocumentText(tuple(lines), pictures=answer["pictures"], cut=answer["cut"])


async def _ask(content: Path, wall_seconds: float) -> dict[str, Any]:
    with content.open("rb") as source:
        reader = await asyncio.create_subprocess_exec(
            sys.executable,
            *READER,
            stdin=source,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
        )
    assert reader.stdout is not None  # noqa: S101 - it is piped
    try:
        async with asyncio.timeout(wall_seconds):
            said = await _all(reader.stdout)
            await reader.wait()
    except TimeoutError:
        raise Unreadable("the PDF takes too long to read") from None
    finally:
        if reader.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                reader.kill()
            await reader.wait()
    try:
        return dict(json.loads(said))
    except ValueError:
        raise Unreadable("the PDF wants more time or memory than a paper may") from None


async def _all(stream: asyncio.StreamReader) -> bytes:
    """To the end, or as much as an answer may be."""
    said = b""
    while len(said) < LONGEST_ANSWER_BYTES and (more := await stream.read(_CHUNK)):
        said += more
    return said
