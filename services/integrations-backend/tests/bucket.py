"""S3-compatible storage as a process of its own, and a bucket in it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

LONGEST_START_SECONDS = 60


@dataclass(frozen=True)
class Bucket:
    """Where it is, and the settings to reach it."""

    url: str
    settings: dict[str, str]

    def stored(self) -> list[str]:
        """Everything in it, as the storage lists it."""
        endpoint = self.settings["aws_endpoint_url"]
        answer = httpx.get(f"{endpoint}/{self.url.split('/')[2]}?list-type=2")
        parts = answer.text.split("<Key>")[1:]
        return [part.split("</Key>")[0] for part in parts]


@contextmanager
def bucket() -> Iterator[Bucket]:
    """A new bucket in a new storage; it ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(  # noqa: S603 (our own Python)
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        endpoint = f"http://127.0.0.1:{port}"
        _create(f"{endpoint}/reports")
        settings = {
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
            "aws_region": "us-east-1",
            "aws_endpoint_url": endpoint,
        }
        with _authorities():
            yield Bucket("s3://reports/archive", settings)
    finally:
        server.terminate()
        server.wait()


@contextmanager
def _authorities() -> Iterator[None]:
    """The archive's client wants the machine's authorities even for http; our tests hide them."""
    hidden = os.environ.pop("SSL_CERT_DIR", None)
    try:
        yield
    finally:
        if hidden is not None:
            os.environ["SSL_CERT_DIR"] = hidden


def _create(address: str) -> None:
    deadline = time.monotonic() + LONGEST_START_SECONDS
    while True:
        try:
            httpx.put(address).raise_for_status()
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
