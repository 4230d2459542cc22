"""A PDF's text, by way of a small program whose copies may die of it."""

import asyncio
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from integrations_backend.invoices.errors import ReaderBusy, Unreadable
from integrations_backend.invoices.page_text import DocumentText, Line, Word, lines_of

WALL_SECONDS = 14.0
"""More than twice the processor time that a file gets; less than any reading may take
(`opside_contracts.integrations.papers.LONGEST_READING_SECONDS`), so that its answer is still heard."""
TURN_SECONDS = 4.0
"""Of these a file waits so long for its turn; papers take tenths of a second."""
_CHUNK = 1024 * 1024
_PROGRAM = (sys.executable, "-I", "-m", "integrations_backend.invoices.pdf_words")


class PdfReader:
    """The program, started when it is first needed and again when it had to be ended."""

    def __init__(
        self, wall_seconds: float = WALL_SECONDS, turn_seconds: float = TURN_SECONDS
    ) -> None:
        self._wall_seconds = wall_seconds
        self._turn_seconds = turn_seconds
        self._one_at_a_time = threading.Lock()
        self._program: subprocess.Popen[bytes] | None = None

    def read(self, content: Path) -> dict[str, Any]:
        """Pages of words, or an error. Raises `ReaderBusy` when no answer comes in time."""
        until = time.monotonic() + self._wall_seconds
        with self._turn():
            program = self._running()
            try:
                return dict(json.loads(_ask(program, str(content), until)))
            except (OSError, ValueError, TimeoutError) as error:
                self.end()
                raise ReaderBusy from error

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._one_at_a_time.acquire(timeout=self._turn_seconds):
            raise ReaderBusy
        try:
            yield
        finally:
            self._one_at_a_time.release()

    def end(self) -> None:
        """End the program and its copies."""
        if self._program is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._program.pid, signal.SIGKILL)
        self._program.communicate()
        self._program = None

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._program is None or self._program.poll() is not None:
            self._program = subprocess.Popen(  # noqa: S603 - our own program
                _PROGRAM,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
                start_new_session=True,
            )
        return self._program


def _ask(program: "subprocess.Popen[bytes]", path: str, until: float) -> bytes:
    if program.stdin is None or program.stdout is None:
        raise OSError("the reader has no pipes")
    program.stdin.write(path.encode() + b"\n")
    program.stdin.flush()
    said, wanted = b"", None
    while wanted is None or len(said) < wanted:
        left = until - time.monotonic()
        if left <= 0 or not select.select([program.stdout], [], [], left)[0]:
            raise TimeoutError
        more = os.read(program.stdout.fileno(), _CHUNK)
        if not more:
            raise OSError("the reader has ended")
        said += more
        if wanted is None and b"\n" in said:
            length, _, said = said.partition(b"\n")
            wanted = int(length)
    return said


READER = PdfReader()
"""One for this program: its copies take turns."""


async def pdf_text(content: Path, *, reader: PdfReader = READER) -> DocumentText:
    """Words on lines on pages.

    Raises:
        Unreadable: broken, locked, or more work than a paper may be.
        ReaderBusy: this machine has too much to do.
    """
    answer = await asyncio.to_thread(reader.read, content)
    if "error" in answer:
        raise Unreadable(f"the PDF cannot be read: {answer['error']}")
    lines: list[Line] = []
    for number, words in enumerate(answer["pages"], 1):
        lines += lines_of(number, (Word(*word) for word in words))
    return DocumentText(tuple(lines), pictures=answer["pictures"], cut=answer["cut"])
