"""`python -m opside_sandbox`: every provider and the control API, in one process."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Iterator
from typing import NoReturn

import uvicorn
from fastapi import FastAPI

from opside_sandbox import control
from opside_sandbox.amazon.app import create as create_amazon
from opside_sandbox.cutting import Cuttable
from opside_sandbox.gmail.app import create as create_gmail
from opside_sandbox.settings import Settings, WrongSetting, load
from opside_sandbox.state import open_state
from opside_sandbox.stripe.app import create as create_stripe

WRONG_SETTING_EXIT = 78
MAX_HEAD_BYTES = 32 * 1024
"""Of a request line and its headers, as the services have it."""


class _Server(uvicorn.Server):
    """Leaves signals to `_serve`: several servers in one process cannot each own them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(host: str, port: int, setting: str) -> socket.socket:
    """A bound socket, so that a taken port is known before anything starts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off (40 ms an answer) only where the protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise WrongSetting(
            setting, f"{host}:{port} cannot be used ({error.strerror})", "choose a free port"
        ) from None
    return listener


def _server(app: FastAPI) -> _Server:
    return _Server(
        uvicorn.Config(
            Cuttable(app),
            # The other parser of uvicorn keeps headers for as long as a client sends them.
            http="h11",
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
    )


async def _serve(pairs: list[tuple[_Server, socket.socket]]) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for server, _ in pairs:
            server.should_exit = True

    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop)
    await asyncio.gather(*(server.serve(sockets=[listener]) for server, listener in pairs))


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises WrongSetting when a port is taken."""
    listeners = [
        _listen(settings.host, settings.stripe_port, "SANDBOX_STRIPE_PORT"),
        _listen(settings.host, settings.amazon_port, "SANDBOX_AMAZON_PORT"),
        _listen(settings.host, settings.gmail_port, "SANDBOX_GMAIL_PORT"),
        _listen(settings.host, settings.control_port, "SANDBOX_CONTROL_PORT"),
    ]
    state = open_state(settings)
    apps = [create_stripe(state), create_amazon(state), create_gmail(state), control.create(state)]
    for name, listener in zip(("stripe", "amazon", "gmail", "control"), listeners, strict=True):
        host, port = listener.getsockname()[:2]
        print(f"{name} http://{host}:{port}", flush=True)  # noqa: T201 (the program's one output)
    try:
        asyncio.run(_serve([(_server(app), one) for app, one in zip(apps, listeners, strict=True)]))
    finally:
        state.store.close()


def main() -> NoReturn:
    """Run, or say in one line which setting is wrong and how to mend it."""
    try:
        run(load())
    except WrongSetting as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(WRONG_SETTING_EXIT)
    sys.exit(0)


if __name__ == "__main__":
    main()
