"""`up` leaves the system running, `down` stops all of it; a second copy stands beside the first."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from opside_local.folders import StateFolder
from opside_local.ports import SETTINGS, free_ports
from opside_local.supervisor import Run

START_SECONDS = 120
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Copy:
    """One copy of the system, run by the command line as a person does."""

    folder: StateFolder
    ports: dict[str, str]

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        arguments = [sys.executable, "-m", "opside_local", command]
        return subprocess.run(
            [*arguments, "--state", str(self.folder.path)],
            env={**os.environ, **self.ports},
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )

    def processes(self) -> list[int]:
        """Every process that has this copy's folder in its environment or its command."""
        mark = str(self.folder.path).encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    known = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
                    # A server may run inside its data folder and not name it.
                    known += os.fsencode((entry / "cwd").readlink())
                except OSError:
                    continue
                if mark in known:
                    found.append(int(entry.name))
        return found


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    spare = free_ports(tmp_path / "spare.json")
    ports = {setting: str(getattr(spare, name)) for name, (setting, _) in SETTINGS.items()}
    made = Copy(StateFolder(tmp_path / "up"), ports)
    yield made
    made.run("down")


def test_up_status_up_again_and_down(copy: Copy):
    up = copy.run("up")
    assert up.returncode == 0, up.stdout + up.stderr
    main_api = f"http://127.0.0.1:{copy.ports['MAIN_API_PORT']}"
    assert f"{main_api}/api/auth/amazon/start" in up.stdout
    assert httpx.get(f"{main_api}/health/ready").status_code == httpx.codes.OK

    again = copy.run("up")
    assert again.returncode == 0
    assert "running already" in again.stdout
    assert copy.run("status").returncode == 0

    down = copy.run("down")
    assert down.returncode == 0
    assert copy.processes() == []
    assert copy.run("status").returncode == 1
    assert "Nothing is running" in copy.run("down").stdout


def test_a_killed_supervisor_takes_everything_with_it(copy: Copy):
    up = copy.run("up")
    assert up.returncode == 0, up.stdout + up.stderr
    run = Run.read(copy.folder)
    assert run is not None
    os.kill(run.pid, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while copy.processes():
        assert time.monotonic() < deadline, f"left behind: {copy.processes()}"
        time.sleep(0.1)
    assert copy.run("status").returncode == 1
    assert copy.run("up").returncode == 0, "what a crash left must not be in the way"


def test_a_port_in_use_is_one_line_and_starts_nothing(copy: Copy):
    taken = int(copy.ports["PAYMENTS_PORT"])
    with socket.create_server(("127.0.0.1", taken)):
        refused = copy.run("up")
    assert refused.returncode == 78
    assert refused.stderr == (
        f"PAYMENTS_PORT: 127.0.0.1:{taken} is in use;"
        " mend: stop what listens there, or set PAYMENTS_PORT\n"
    )
    assert copy.processes() == []
