"""The programs of the system as child processes: start, wait until ready, restart, stop.

No child outlives its launcher: the kernel kills it when the launcher dies, however that happens.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from opside_chassis.http_transport import trusted_authorities

READY_WITHIN_SECONDS = 60.0
"""Long enough for a cold disk and seven Pythons starting on one core."""
POLL_SECONDS = 0.1
STOP_WITHIN_SECONDS = 10.0
"""A worker finishes its jobs first (at most a provider call); after that it is killed."""
MAX_RESTARTS = 5
"""Within one minute; more means that the program cannot run at all."""
RESTART_WINDOW_SECONDS = 60.0
RESTART_DELAY_SECONDS = 0.5
WRONG_SETTING_EXIT = 78
LOG_LINES_SHOWN = 15

_PR_SET_PDEATHSIG = 1
# Loaded here: between fork and exec a child may not load anything.
_LIBC = ctypes.CDLL(None)


class StartFailed(Exception):
    """A program did not come up; the text says which, why, and where its log is."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. `ready_url` answers 200 when the program can work; None: alive is enough."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    ready_url: str | None = None


@dataclass(slots=True)
class _Running:
    program: Program
    process: asyncio.subprocess.Process
    watcher: "asyncio.Task[None] | None" = None
    wanted: bool = True
    restarts: list[float] = field(default_factory=list)


class Crew:
    """The running programs, each watched and started again when it falls over."""

    def __init__(self, logs: Path, *, say: Callable[[str], None] = lambda _: None) -> None:
        self._logs = logs
        self._say = say
        self._running: dict[str, _Running] = {}
        self.broken: asyncio.Event = asyncio.Event()
        """Set when a program cannot be kept alive."""

    async def start(self, program: Program) -> None:
        """Start a program and wait until it is ready; raises `StartFailed`."""
        if program.name in self._running:
            raise ValueError(f"{program.name} runs already")
        log = self.log(program.name)
        if log.exists():
            log.replace(log.with_suffix(".log.previous"))
        running = _Running(program, await self._spawn(program))
        self._running[program.name] = running
        await self._wait_until_ready(running)
        running.watcher = asyncio.create_task(self._watch(running))

    async def stop(self, name: str) -> None:
        """Ask a program to finish; kill it when it takes too long. Unknown names are fine."""
        running = self._running.pop(name, None)
        if running is None:
            return
        running.wanted = False
        if running.watcher is not None:
            running.watcher.cancel()
        await _end(running.process)

    async def kill(self, name: str) -> None:
        """End a program without warning and leave it down, as a crash test wants it."""
        running = self._running.pop(name)
        running.wanted = False
        if running.watcher is not None:
            running.watcher.cancel()
        with contextlib.suppress(ProcessLookupError):
            running.process.kill()
        await running.process.wait()

    async def stop_all(self, *, last: Sequence[str] = ()) -> None:
        """Stop everything at once, but those that the others lean on afterwards."""
        await asyncio.gather(*(self.stop(name) for name in self.names() if name not in last))
        for name in last:
            await self.stop(name)

    def names(self) -> list[str]:
        """What runs, in the order of its start."""
        return list(self._running)

    def process_id(self, name: str) -> int:
        """The current process of a program."""
        return self._running[name].process.pid

    def log(self, name: str) -> Path:
        """Where a program writes."""
        return self._logs / f"{name}.log"

    async def _spawn(self, program: Program) -> asyncio.subprocess.Process:
        with self.log(program.name).open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *program.command,
                cwd=program.folder,
                env=dict(program.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C reaches the launcher alone, which then stops all in order.
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()),
            )

    async def _wait_until_ready(self, running: _Running) -> None:
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while not await _is_ready(running.program.ready_url):
            if running.process.returncode is not None or time.monotonic() > deadline:
                await self._give_up(running)
            await asyncio.sleep(POLL_SECONDS)

    async def _give_up(self, running: _Running) -> None:
        name, code = running.program.name, running.process.returncode
        await self.stop(name)
        lines = _last_lines(self.log(name))
        if code == WRONG_SETTING_EXIT and lines:
            raise StartFailed(f"{name}: {lines[-1]}")
        state = "is not ready in time" if code is None else f"ended with exit code {code}"
        tail = "\n".join(f"  | {line}" for line in lines)
        raise StartFailed(f"{name} {state}; its log is {self.log(name)}\n{tail}")

    async def _watch(self, running: _Running) -> None:
        """Start the program again whenever it ends by itself, a bounded number of times."""
        while running.wanted:
            code = await running.process.wait()
            now = time.monotonic()
            running.restarts = [at for at in running.restarts if at > now - RESTART_WINDOW_SECONDS]
            if len(running.restarts) >= MAX_RESTARTS or code == WRONG_SETTING_EXIT:
                self._say(f"{running.program.name} cannot be kept alive (exit code {code})")
                self.broken.set()
                return
            running.restarts.append(now)
            self._say(f"{running.program.name} ended with exit code {code}; starting it again")
            await asyncio.sleep(RESTART_DELAY_SECONDS)
            running.process = await self._spawn(running.program)


async def _is_ready(url: str | None) -> bool:
    if url is None:
        return True
    try:
        async with httpx.AsyncClient(
            timeout=2.0, trust_env=False, verify=trusted_authorities()
        ) as client:
            answer = await client.get(url)
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_WITHIN_SECONDS)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _die_with(launcher: int) -> Callable[[], None]:
    """What a new child does first: ask the kernel to be killed when its launcher dies."""

    def prepare() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != launcher:  # it died between fork and prctl
            os._exit(1)

    return prepare


def _last_lines(log: Path) -> list[str]:
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rstrip().splitlines()[-LOG_LINES_SHOWN:]
