"""A service as a process: it starts, stops politely, or says in one line why it does not start."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from web_parts import HERE

from opside_chassis.keyring import generate_keypair

PATIENCE_SECONDS = 60

SERVICE = """
import asyncio, logging, os, sys
from contextlib import asynccontextmanager
from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse
from opside_chassis import access, process
from opside_chassis.keyring import KeyRing, SigningKey
from opside_chassis.settings import ServiceSettings, WrongSetting
from opside_chassis.web import create_app

router = APIRouter(dependencies=[Depends(access.public())])

@router.get("/slow")
async def slow() -> str:
    await asyncio.sleep(0.5)
    return "done"

@router.get("/in-parts")
async def in_parts() -> StreamingResponse:
    async def parts():
        yield b"begun"
        await asyncio.sleep(0.5)
        yield b"done"
    return StreamingResponse(parts())

@router.get("/broken/{number}")
async def broken(number: int) -> str:
    raise RuntimeError(number)

@asynccontextmanager
async def lifespan(app):
    if os.environ.get("BREAK") == "lifespan":
        raise WrongSetting("ARCHIVE_URL", "cannot be written", "choose another folder")
    yield
    logging.getLogger("test").info("closed")

def create(settings):
    KeyRing.from_settings(settings)
    SigningKey.from_settings(settings, issuer="stripe-payments")
    name = "stripe-payments"
    return create_app(settings=settings, title=name, routers=[router], lifespan=lifespan)

async def work(settings):
    if os.environ.get("BREAK") == "work":
        raise WrongSetting("ARCHIVE_URL", "cannot be written", "choose another folder")
    logging.getLogger("test").info("worked")

if sys.argv[1] == "app":
    process.run_app("stripe-payments", ServiceSettings, create)
else:
    process.run_worker("stripe-payments", ServiceSettings, work)
print("left")
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def environment(port: int, **changes: str) -> dict[str, str]:
    pair = generate_keypair()
    public = {"kid": "here-1", "issuer": HERE, "public_key": pair.public_key}
    return {
        **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
        "PORT": str(port),
        "DATABASE_URL": "postgresql://app:pw@127.0.0.1:1/opside",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SERVICE_KEY_ID": "here-1",
        "SERVICE_PRIVATE_KEY": pair.private_key,
        "SERVICE_PUBLIC_KEYS": json.dumps([public]),
        **changes,
    }


@pytest.fixture
def start(tmp_path: Path):
    script = tmp_path / "service.py"
    script.write_text(SERVICE)
    running: list[subprocess.Popen[str]] = []

    def run(door: str, environ: dict[str, str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, str(script), door],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield run
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_until_up(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the service did not start")


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_and_finishes_running_requests_before_it_leaves(start, signal_number) -> None:
    port = free_port()
    process = start("app", environment(port))
    wait_until_up(port)
    health = urllib.request.urlopen(f"http://127.0.0.1:{port}/health")
    assert health.headers["server"] is None
    assert json.load(health)["status"] == "ok"
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /in-parts HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        answer = b""
        while b"begun" not in answer:
            answer += client.recv(65536)
        process.send_signal(signal_number)
        answer += b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"done" in answer
    stdout, stderr = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    *lines, left = stdout.splitlines()
    assert left == "left"
    logged = [json.loads(line) for line in lines]
    assert "closed" in {line["message"] for line in logged}
    assert {"uvicorn.error", "opside.access"} <= {line["logger"] for line in logged}
    assert stderr == ""


def test_its_requests_are_measured_by_route_and_read_by_prometheus(start) -> None:
    port, metrics_port = free_port(), free_port()
    process = start("app", environment(port, METRICS_PORT=str(metrics_port)))
    wait_until_up(port)
    for path in ("/slow", "/slow", "/broken/1", "/broken/2", "/nowhere/secret"):
        with suppress(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}")
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=PATIENCE_SECONDS) == 0

    def counted(*parts: str) -> float:
        name = "http_server_request_duration_seconds_count{"
        found = [line for line in lines if line.startswith(name) and all(p in line for p in parts)]
        return sum(float(line.rpartition(" ")[2]) for line in found)

    assert counted('http_route="/slow"', 'status_code="200"') == 2
    assert counted('http_route="/broken/{number}"', 'status_code="500"') == 2
    assert counted('status_code="404"') == 1
    took = next(line for line in lines if "_sum{" in line and '"/slow"' in line)
    assert 1.0 <= float(took.rpartition(" ")[2]) < PATIENCE_SECONDS
    assert any(line.startswith("http_server_active_requests{") for line in lines)
    assert not [line for line in lines if "secret" in line]


def refused(process: subprocess.Popen[str]) -> str:
    _, stderr = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 78
    [line] = stderr.splitlines()
    return line


def test_a_port_in_use_is_said_in_one_line(start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refused(start("app", environment(port)))
    assert line.startswith(f"PORT: {port} is in use; mend: ")


@pytest.mark.parametrize(
    ("door", "changes", "setting"),
    [
        ("app", {"SERVICE_PRIVATE_KEY": ""}, "SERVICE_PRIVATE_KEY"),
        ("app", {"SERVICE_PRIVATE_KEY": "A" * 43}, "SERVICE_PRIVATE_KEY"),
        ("app", {"HOST": "192.0.2.1"}, "HOST"),
        ("app", {"BREAK": "lifespan"}, "ARCHIVE_URL"),
        ("app", {"PORT": "x"}, "PORT"),
        ("worker", {"METRICS_PORT": "1", "HOST": "192.0.2.1"}, "METRICS_PORT"),
        ("worker", {"BREAK": "work"}, "ARCHIVE_URL"),
    ],
)
def test_a_wrong_setting_is_said_in_one_line(start, door, changes, setting) -> None:
    line = refused(start(door, environment(free_port(), **changes)))
    assert line.startswith(f"{setting}: ")
    assert "; mend: " in line


def test_a_worker_leaves_when_its_work_ends(start) -> None:
    process = start("worker", environment(free_port()))
    stdout, stderr = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, stderr) == (0, "")
    assert json.loads(stdout.splitlines()[0])["message"] == "worked"
