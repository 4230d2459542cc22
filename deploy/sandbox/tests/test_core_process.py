"""The program: starts, says what is wrong in one line, stops cleanly, and remembers."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress

import httpx
import pytest
from sandbox_process import running


def run_wrong(**settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "opside_sandbox"],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_port_in_use_is_one_line_and_exit_78():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_wrong(SANDBOX_STRIPE_PORT="0", SANDBOX_AMAZON_PORT=port)
    assert done.returncode == 78
    assert done.stderr.startswith(f"SANDBOX_AMAZON_PORT: 127.0.0.1:{port} cannot be used")
    assert done.stderr.count("\n") == 1


def test_a_wrong_setting_is_one_line_and_exit_78():
    done = run_wrong(SANDBOX_CONTROL="perhaps")
    assert done.returncode == 78
    assert done.stderr == (
        "SANDBOX_CONTROL: 'perhaps' is neither on nor off; mend: set it to on or off\n"
    )


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly(name):
    with running() as sandbox:
        assert httpx.get(f"{sandbox.control}/health").json()["status"] == "ok"
        sandbox.process.send_signal(name)
        assert sandbox.process.wait(10) == 0


def test_control_is_off_unless_switched_on():
    with running(SANDBOX_CONTROL="off") as sandbox:
        assert httpx.get(f"{sandbox.control}/health").json() == {
            "status": "ok",
            "control": False,
        }
        for path in ("clock", "snapshot", "stripe/books", "reset"):
            assert httpx.get(f"{sandbox.control}/control/{path}").status_code == 404


def test_state_and_clock_survive_a_kill(tmp_path):
    with running(SANDBOX_STATE=str(tmp_path)) as sandbox:
        body = {"seconds": 5000}
        moved = httpx.post(f"{sandbox.control}/control/clock/advance", json=body).json()
        assert moved["offsetSeconds"] == 5000
        sandbox.process.kill()
        sandbox.process.wait()
    with running(SANDBOX_STATE=str(tmp_path)) as again:
        assert httpx.get(f"{again.control}/control/clock").json()["offsetSeconds"] == 5000


def test_snapshot_and_reset_over_http():
    with running() as sandbox, httpx.Client(base_url=f"{sandbox.control}/control") as control:
        control.post("/clock/advance", json={"seconds": 60})
        kept = control.get("/snapshot").json()
        control.post("/clock/advance", json={"seconds": 60})
        assert control.post("/reset", json={"snapshot": kept}).json()["offsetSeconds"] == 60
        assert control.post("/reset").json()["offsetSeconds"] == 0
        assert control.post("/clock/advance", json={"seconds": -1}).status_code == 422
        assert control.post("/clock/advance", json={"seconds": 1e30}).status_code == 422


@pytest.mark.parametrize("provider", ["stripe", "amazon", "gmail", "control"])
def test_a_head_without_end_is_refused(provider: str):
    with running() as sandbox:
        host, _, port = getattr(sandbox, provider).removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=5) as client:
            with suppress(ConnectionError):
                client.sendall(b"GET / HTTP/1.1\r\nhost: here\r\nx: " + b"y" * 60_000)
            assert client.recv(100).startswith(b"HTTP/1.1 4")
