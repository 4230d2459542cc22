"""Where things are: the project, and what one running copy of the system keeps."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[4]
"""The folder with the Makefile (the package is installed editable)."""
OWNER_ONLY = 0o700


class AlreadyRunning(Exception):
    """Another process uses this state folder."""


@dataclass(frozen=True, slots=True)
class StateFolder:
    """Everything one copy of the system keeps: data, keys, ports, logs. Owner-only."""

    path: Path

    @classmethod
    def named(cls, name: str) -> "StateFolder":
        """`.local/<name>` of this project, git-ignored."""
        return cls(PROJECT / ".local" / name)

    @classmethod
    def made(cls, path: Path) -> "StateFolder":
        """This folder, made when it is not there."""
        path = path.absolute()
        path.mkdir(parents=True, exist_ok=True, mode=OWNER_ONLY)
        path.chmod(OWNER_ONLY)
        folder = cls(path)
        for part in (folder.logs, folder.archive):
            part.mkdir(exist_ok=True, mode=OWNER_ONLY)
        return folder

    @property
    def logs(self) -> Path:
        """One file a process, written by this run; the run before it is kept beside."""
        return self.path / "logs"

    @property
    def archive(self) -> Path:
        """Where integrations-backend keeps the report files it read."""
        return self.path / "archive"

    @property
    def run_file(self) -> Path:
        """What runs here: process id, URLs, sign-ins."""
        return self.path / "system.json"

    def file(self, name: str) -> Path:
        """A file or folder of this name inside."""
        return self.path / name

    def is_in_use(self) -> bool:
        """Whether a process holds the folder right now."""
        try:
            with self.hold():
                return False
        except AlreadyRunning:
            return True

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the folder for this process alone; raises `AlreadyRunning`.

        The kernel drops the lock with the process, however it ends: nothing stale stays behind.
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=OWNER_ONLY)
        with (self.path / "lock").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunning(f"{self.path} is in use by another process") from None
            yield


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner only."""
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)
