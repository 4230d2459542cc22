"""Child processes that do not outlive their parent."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

STOP_SECONDS = 20
LAST_WORDS_LINES = 6
LOG_BYTES_KEPT = 5_000_000
"""A log that grew larger than this starts anew at the next start."""
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class EngineFailed(Exception):
    """An embedded server did not start; the message says what it printed."""


def plain_environment() -> dict[str, str]:
    """PG* variables of the caller would change what the tools do."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def run_tool(
    command: Sequence[str], *, folder: Path, as_user: Mapping[str, Any] | None = None
) -> str:
    """Run a command to its end; answers what it printed.

    Raises:
        EngineFailed: its exit status is not zero.
    """
    done = subprocess.run(  # noqa: S603 - our own binary
        command,
        capture_output=True,
        check=False,
        cwd=folder,
        env=plain_environment(),
        text=True,
        errors="replace",
        **(as_user or {}),
    )
    if done.returncode != 0:
        raise EngineFailed(f"{Path(command[0]).name}: {done.stderr.strip()}")
    return str(done.stdout)


class Child:
    """A server process of ours, writing to a log file."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log_file: Path,
        folder: Path,
        stop_signal: signal.Signals,
        as_user: Mapping[str, Any] | None = None,
    ) -> None:
        self._log_file = log_file
        self._stop_signal = stop_signal
        if log_file.exists() and log_file.stat().st_size > LOG_BYTES_KEPT:
            log_file.unlink()
        with log_file.open("ab") as log:
            self._log_begins = log.tell()
            self._process = subprocess.Popen(  # noqa: S603 - our own binary
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=folder,
                env=plain_environment(),
                preexec_fn=_die_with_parent(stop_signal),  # noqa: PLW1509 - two system calls
                start_new_session=True,
                **(as_user or {}),
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """False once it has ended."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Ask it to end; kill it when it does not."""
        if self.running:
            self._process.send_signal(self._stop_signal)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def last_words(self) -> str:
        """The end of what it wrote since its start."""
        written = self._log_file.read_bytes()[self._log_begins :]
        lines = written.decode(errors="replace").splitlines()
        return " | ".join(lines[-LAST_WORDS_LINES:]) or "it said nothing"


def _die_with_parent(number: signal.Signals) -> Callable[[], None]:
    parent = os.getpid()

    def set_death_signal() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # it died in between, unheard
            os._exit(1)

    return set_death_signal
