"""`up` and `down`: the system left running by a process of its own, found again by its state folder."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from opside_local.folders import PROJECT, StateFolder, write_private
from opside_local.journey.browser import Browser
from opside_local.journey.people import ADA, OLGA
from opside_local.journey.signing_in import sign_in, sign_in_admin
from opside_local.ports import documented_ports
from opside_local.progress import Progress
from opside_local.system import System, running

COMMAND = "supervise"
START_WITHIN_SECONDS = 180.0
STOP_WITHIN_SECONDS = 60.0
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Run:
    """What the state folder says about the process that holds it."""

    pid: int
    started_ticks: int
    ready: bool
    urls: dict[str, str]

    @classmethod
    def read(cls, folder: StateFolder) -> "Run | None":
        """The run of this folder; None when there is none or its file cannot be read."""
        try:
            return cls(**json.loads(folder.run_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def keep(self, folder: StateFolder) -> None:
        """Write it for `down` and `status`."""
        write_private(folder.run_file, json.dumps(asdict(self)))

    def is_ours(self) -> bool:
        """Whether that process id is still the supervisor that wrote this."""
        try:
            command = Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")
            return COMMAND.encode() in command and _start_ticks(self.pid) == self.started_ticks
        except OSError:
            return False


def up(folder: StateFolder, console: Console) -> int:
    """Start the supervisor and wait until everything is ready. The exit code of the command.

    Raises `WrongSetting` when a port is taken.
    """
    if folder.is_in_use():
        console.print("The system is running already.")
        return status(folder, console)
    StateFolder.made(folder.path)
    folder.run_file.unlink(missing_ok=True)  # of a run that was killed
    documented_ports(os.environ, folder.file("ports.json"))
    log = folder.logs / "supervisor.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "opside_local", COMMAND, str(folder.path)],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    follow = _Follow(log, console)
    if not _wait(lambda: follow.more() or _is_ready(folder) or process.poll() is not None):
        process.terminate()
    follow.more()
    if not _is_ready(folder):
        console.print(f"The system did not start; logs: {folder.logs}")
        return process.poll() or 1
    return status(folder, console)


def down(folder: StateFolder, console: Console, *, quiet: bool = False) -> int:
    """Stop what `up` started. The exit code of the command: 0 also when nothing runs."""
    run = Run.read(folder)
    if run is None or not run.is_ours():
        if not quiet:
            console.print("Nothing is running.")
        return 0
    os.kill(run.pid, signal.SIGTERM)
    if not _wait(lambda: not run.is_ours(), STOP_WITHIN_SECONDS):
        # Its children die with it: the kernel sees to that.
        with contextlib.suppress(ProcessLookupError):
            os.kill(run.pid, signal.SIGKILL)
    if not quiet:
        console.print(f"Stopped. The data stays in {folder.path}; `make clean` deletes it.")
    return 0


def status(folder: StateFolder, console: Console) -> int:
    """Print what runs, the doors and the sign-ins. 0 when it is ready, else 1."""
    run = Run.read(folder)
    if run is None or not run.is_ours():
        console.print("Nothing is running. `make up` starts the system.")
        return 1
    if not run.ready:
        console.print(f"Starting (process {run.pid}); logs: {folder.logs}")
        return 1
    for name, url in run.urls.items():
        console.print(f"  {name:<14} {url}", highlight=False)
    sign_in = f"{run.urls['main_api']}/api/auth/amazon/start"
    for person in (ADA, OLGA):
        console.print(f"  {person.role:<14} {sign_in}  and choose {person.name}", highlight=False)
    console.print(f"  {'logs':<14} {folder.logs}", highlight=False)
    console.print("`make down` stops it.")
    return 0


async def supervise(path: Path, console: Console) -> int:
    """The process behind `up`: runs until SIGTERM, or until a program cannot be kept alive."""
    folder = StateFolder.made(path)
    ports = documented_ports(os.environ, folder.file("ports.json"))
    run = Run(os.getpid(), _start_ticks(os.getpid()), ready=False, urls={})
    run.keep(folder)
    try:
        async with running(path, ports=ports, key_files=True, progress=Progress(console)) as system:
            await _introduce(system)
            Run(run.pid, run.started_ticks, ready=True, urls=_doors(system)).keep(folder)
            await system.crew.broken.wait()
            return 1
    except asyncio.CancelledError:
        return 0
    finally:
        folder.run_file.unlink(missing_ok=True)


async def _introduce(system: System) -> None:
    """A ready seller and a ready admin, signed up as people do it."""
    async with Browser(system.urls.main_api) as browser:
        await sign_in(browser, ADA)
    async with Browser(system.urls.main_api) as browser:
        await sign_in_admin(browser, OLGA, system)


def _doors(system: System) -> dict[str, str]:
    return asdict(system.urls)


def _is_ready(folder: StateFolder) -> bool:
    run = Run.read(folder)
    return run is not None and run.ready


def _start_ticks(pid: int) -> int:
    """When the process started, in clock ticks since boot (field 22 of /proc/<pid>/stat)."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return int(stat.rpartition(")")[2].split()[19])


def _wait(condition: Callable[[], bool], seconds: float = START_WITHIN_SECONDS) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


class _Follow:
    """Prints what a growing log gained since the last look."""

    def __init__(self, log: Path, console: Console) -> None:
        self._log = log
        self._console = console
        self._read = 0

    def more(self) -> bool:
        """Print what is new. Always False, so that it can stand in a condition."""
        text = self._log.read_text(encoding="utf-8", errors="replace")
        complete = text[: text.rfind("\n") + 1]
        for line in complete[self._read :].splitlines():
            self._console.print(f"  {line}", highlight=False, markup=False)
        self._read = len(complete)
        return False
