"""The sandbox as its users run it: `python -m opside_sandbox` in a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SECRET_KEY = "sk_" + "test_" + "sandbox0123456789"
PUBLISHABLE_KEY = "pk_" + "test_" + "sandbox0123456789"


@dataclass
class Sandbox:
    """A running sandbox: its addresses and its process."""

    stripe: str
    amazon: str
    gmail: str
    control: str
    process: subprocess.Popen[str]


def start(**settings: str) -> Sandbox:
    """Start on free ports, with the control API on unless told otherwise."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SANDBOX_")},
        "SANDBOX_STRIPE_PORT": "0",
        "SANDBOX_AMAZON_PORT": "0",
        "SANDBOX_GMAIL_PORT": "0",
        "SANDBOX_CONTROL_PORT": "0",
        "SANDBOX_CONTROL": "on",
        "SANDBOX_WEBHOOK_RETRY_SCALE": "0.02",
        **settings,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "opside_sandbox"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    addresses = dict(process.stdout.readline().split() for _ in range(4))
    return Sandbox(**addresses, process=process)


def stop(sandbox: Sandbox) -> int:
    """SIGTERM, and the exit code."""
    sandbox.process.terminate()
    code = sandbox.process.wait(10)
    if sandbox.process.stdout is not None:
        sandbox.process.stdout.close()
    return code


@contextmanager
def running(**settings: str) -> Iterator[Sandbox]:
    """A sandbox for the length of a block."""
    sandbox = start(**settings)
    try:
        yield sandbox
    finally:
        if sandbox.process.poll() is None:
            stop(sandbox)
        elif sandbox.process.stdout is not None:
            sandbox.process.stdout.close()


def until(check, seconds: float = 60.0):
    """The first true value of `check()`; fails when none comes in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := check():
            return found
        time.sleep(0.02)
    raise AssertionError(f"nothing came of {check} in {seconds} s")
