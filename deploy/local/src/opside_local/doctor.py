"""`make doctor`: can this machine run the system? One line a finding, each with its mend."""

import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console

from opside_chassis.testing.engines import EmbeddedPostgres, EmbeddedRedis, EngineFailed
from opside_local.folders import PROJECT, StateFolder
from opside_local.ports import SETTINGS, is_free

OLDEST_PYTHON = (3, 11)
OLDEST_GLIBC = (2, 28)
"""Of the wheel with the Postgres server."""
FREE_BYTES = 1_000_000_000


def examine(console: Console) -> int:
    """Print every check; 0 when all hold."""
    problems = 0
    for name, check in _CHECKS.items():
        found = list(check())
        problems += len(found)
        console.print(f"  {'[green]ok[/]' if not found else '[red]no[/]'}  {name}")
        for line in found:
            console.print(f"      {line}", highlight=False)
    return 1 if problems else 0


def _python() -> Iterator[str]:
    if sys.version_info < OLDEST_PYTHON:
        yield f"Python {platform.python_version()} is too old; mend: make PYTHON=python3.11 setup"


def _system() -> Iterator[str]:
    library, version = platform.libc_ver()
    numbers = tuple(int(part) for part in version.split(".") if part.isdigit())
    if platform.system() != "Linux" or library != "glibc" or numbers < OLDEST_GLIBC:
        yield "the embedded Postgres needs Linux with glibc 2.28; mend: set DATABASE_URL, REDIS_URL"


def _folder() -> Iterator[str]:
    try:
        StateFolder.made(PROJECT / ".local")
        with tempfile.TemporaryFile(dir=PROJECT / ".local"):
            pass
    except OSError as error:
        yield f"{PROJECT}/.local cannot be written ({error.strerror}); mend: own the folder"
    if shutil.disk_usage(PROJECT).free < FREE_BYTES:
        yield "less than 1 GB of disk is free; mend: make room"


def _engines() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            with EmbeddedPostgres(Path(folder) / "postgres", durable=False):
                pass
            with EmbeddedRedis(Path(folder) / "redis"):
                pass
        except EngineFailed as error:
            yield str(error)


def _ports() -> Iterator[str]:
    if StateFolder.named("up").is_in_use():
        return
    for setting, port in SETTINGS.values():
        if not is_free(port):
            yield f"port {port} is in use (only `make up` needs it); mend: set {setting}"


_CHECKS: dict[str, Callable[[], Iterator[str]]] = {
    "Python": _python,
    "operating system": _system,
    "project folder": _folder,
    "embedded Postgres and Redis": _engines,
    "ports of `make up`": _ports,
}
