"""A row of the security table, and the two ways to take its guard out."""

import asyncio
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import patch

import uvicorn
from fastapi import FastAPI
from security.house import MAIN_API, House

from opside_chassis.settings import read
from opside_chassis.testing.engines import free_port
from opside_chassis.web import server_config
from opside_local import environment
from opside_local.folders import PROJECT
from opside_local.ports import HOST
from opside_local.processes import Program
from opside_local.system import PACKAGES

SOURCES = {
    "opside_chassis": "shared/chassis/src",
    "main_api": "services/main-api/src",
    "integrations_backend": "services/integrations-backend/src",
    "stripe_payments": "services/stripe-payments/src",
}
_DOORS = {
    "main-api": "main_api",
    "integrations-backend": "integrations",
    "stripe-payments": "payments",
}
_number = count(1)


class Part(Protocol):
    """Something that stands in the house for the length of an attack."""

    def opened(self, house: House) -> AbstractAsyncContextManager[House]:
        """The house with it."""
        ...


@dataclass(frozen=True)
class Attack:
    """`attempt` makes the requests and answers what it saw, mostly a status. With the guards in place
    that is `refused`; with the one guard taken out by `control` it is `wins`."""

    name: str
    attempt: Callable[[House], Awaitable[object]]
    refused: object
    control: Part
    wins: object
    guarded: Part | None = None
    """For an attack on settings that the running system does not have: the same door with all guards."""


@dataclass(frozen=True)
class Built:
    """A service's own app, put together in this process with a weaker part, at an address of its own.

    `settings` are environment variables; `runtime` and `app` are given what was built and may replace
    parts of it; `server` may change how it is served.
    """

    service: str = MAIN_API
    settings: Callable[[House], Mapping[str, str]] = lambda _: {}
    runtime: Callable[[Any, House], Any] = lambda runtime, _: runtime
    app: Callable[[FastAPI, House], None] = lambda _app, _house: None
    server: Callable[[uvicorn.Config], None] = lambda _: None

    @asynccontextmanager
    async def opened(self, house: House) -> AsyncIterator[House]:
        """The house with this door in the place of the real one."""
        package = PACKAGES[self.service]
        module, parts = import_module(f"{package}.app"), import_module(f"{package}.runtime")
        own = environment.service(house.system.place, self.service) | dict(self.settings(house))
        with patch.dict(os.environ, own):
            settings = read(import_module(f"{package}.settings").Settings)

        @asynccontextmanager
        async def opener(_settings: Any) -> AsyncIterator[Any]:
            async with parts.open_runtime(settings) as runtime:
                yield self.runtime(runtime, house)

        app = module.create(settings, opener)
        async with app.router.lifespan_context(app):
            self.app(app, house)
            config = server_config(app)
            config.lifespan = "off"
            self.server(config)
            async with served(config) as address:
                yield replace(house, **{_DOORS[self.service]: address})


@dataclass(frozen=True)
class Mutant:
    """A service's process on a copy of one package in which the text of a guard is replaced."""

    file: str
    """As `package/module.py`."""
    guard: str
    instead: str = ""
    service: str = MAIN_API
    settings: Callable[[House], Mapping[str, str]] = lambda _: {}

    @asynccontextmanager
    async def opened(self, house: House) -> AsyncIterator[House]:
        """The house with this process in the place of the real one."""
        port = free_port()
        url = f"http://{HOST}:{port}"
        with tempfile.TemporaryDirectory(prefix="opside-mutant-") as folder:
            mutated(self.file, self.guard, self.instead, into=Path(folder))
            own = environment.service(house.system.place, self.service) | dict(self.settings(house))
            program = Program(
                name=f"mutant-{next(_number)}",
                command=(sys.executable, "-m", f"{PACKAGES[self.service]}.app"),
                environment=environment.machine(own | {"PORT": str(port), "PYTHONPATH": folder}),
                folder=PROJECT,
                ready_url=f"{url}/health/ready",
            )
            await house.system.crew.start(program)
            try:
                yield replace(house, writes=program.name, **{_DOORS[self.service]: url})
            finally:
                await house.system.crew.stop(program.name)


@dataclass(frozen=True)
class Database:
    """The running system over a database without a rule, which is put back afterwards."""

    without: str
    again: str

    @asynccontextmanager
    async def opened(self, house: House) -> AsyncIterator[House]:
        """The same doors."""
        await house.sql(self.without)
        try:
            yield house
        finally:
            await house.sql(self.again)


class Together:
    """Several weak parts at once, where a guard stands in every service."""

    def __init__(self, *parts: Part) -> None:
        self._parts = parts

    @asynccontextmanager
    async def opened(self, house: House) -> AsyncIterator[House]:
        """The house with all of them."""
        async with AsyncExitStack() as stack:
            for part in self._parts:
                house = await stack.enter_async_context(part.opened(house))
            yield house


def without_tenants(schema: str) -> Database:
    """The tables of a service without their row-level security."""
    each = """DO $$ DECLARE one record; BEGIN
      FOR one IN SELECT c.oid::regclass AS name FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
                  WHERE c.relnamespace = '{schema}'::regnamespace GROUP BY c.oid LOOP
        EXECUTE format('ALTER TABLE %s {change} ROW LEVEL SECURITY', one.name);
      END LOOP; END $$"""
    return Database(
        each.format(schema=schema, change="DISABLE"), each.format(schema=schema, change="ENABLE")
    )


def mutated(file: str, guard: str, instead: str, *, into: Path) -> None:
    """Copy a package with one text replaced; raises AssertionError when it is not there once."""
    package = file.partition("/")[0]
    shutil.copytree(PROJECT / SOURCES[package] / package, into / package)
    copy = into / file
    text = copy.read_text()
    assert text.count(guard) == 1, f"{file} has this text {text.count(guard)} times: {guard!r}"
    copy.write_text(text.replace(guard, instead))


@asynccontextmanager
async def served(config: uvicorn.Config) -> AsyncIterator[str]:
    """An app at a real address, in this process."""
    config.timeout_graceful_shutdown = 1
    server = uvicorn.Server(config)
    listener = socket.create_server((HOST, 0))
    # `_serve` leaves the signal handlers of the test process alone.
    task = asyncio.create_task(server._serve([listener]))
    try:
        while not server.started:
            await asyncio.sleep(0.005)
        yield f"http://{HOST}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


@asynccontextmanager
async def opened(part: Part | None, house: House) -> AsyncIterator[House]:
    """The house with this part in it; without one, as it stands."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(part.opened(house)) if part else house


@dataclass
class Tally:
    """What the run has seen, for its last line."""

    refused: set[str] = field(default_factory=set)
    controls: set[str] = field(default_factory=set)
