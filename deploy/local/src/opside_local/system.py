"""The whole system in its order of start: engines, schemas, sandbox, services, workers."""

import asyncio
import sys
from collections.abc import AsyncIterator, Collection, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from opside_chassis.migration import bootstrap
from opside_local import environment
from opside_local.engines import open_postgres, open_redis
from opside_local.environment import Place, Servers, Urls
from opside_local.folders import PROJECT, StateFolder
from opside_local.ports import Ports, free_ports
from opside_local.processes import Crew, Program, StartFailed
from opside_local.progress import Progress
from opside_local.secrets import INTEGRATIONS, MAIN_API, PAYMENTS, SCHEMAS, SecretsFile

SANDBOX = "sandbox"
PACKAGES = {
    MAIN_API: "main_api",
    INTEGRATIONS: "integrations_backend",
    PAYMENTS: "stripe_payments",
}
COMMAND_SECONDS = 60.0
"""A migration or an admin command; they take about two."""


def worker_of(service: str) -> str:
    """The name of a service's worker process."""
    return f"{service}-worker"


@dataclass(frozen=True, slots=True)
class System:
    """A running copy of the system."""

    folder: StateFolder
    place: Place
    crew: Crew
    programs: Mapping[str, Program]

    @property
    def urls(self) -> Urls:
        """The doors."""
        return self.place.urls

    async def start(self, name: str) -> None:
        """Start a program that is down, and wait until it is ready; raises `StartFailed`."""
        await self.crew.start(self.programs[name])

    async def stop(self, name: str) -> None:
        """Stop a program in order and leave it down."""
        await self.crew.stop(name)

    async def kill(self, name: str) -> None:
        """End a program without warning (SIGKILL) and leave it down."""
        await self.crew.kill(name)

    async def make_admin(self, email: str) -> None:
        """Give a signed-up person the role admin, as an operator would: main-api's own command."""
        await _command(
            (sys.executable, "-m", "main_api.commands", "make-admin", "--email", email),
            environment.service(self.place, MAIN_API),
        )


@asynccontextmanager
async def running(
    state: Path,
    *,
    ports: Ports | None = None,
    servers: Servers | None = None,
    record: Path | None = None,
    key_files: bool = False,
    progress: Progress | None = None,
) -> AsyncIterator[System]:
    """Start everything in this state folder; stop it all on leaving.

    Free ports are taken (the folder's last ones while they are free) unless `ports` names them.
    `servers` are engines of the caller's own, whose database exists: he starts and stops them.
    `record` is a folder for the recording of every exchange with the provider sandboxes. With `key_files`
    the services follow files of keys, so that these can be rotated while they run.

    Raises:
        AlreadyRunning: the folder is in use.
        StartFailed, EngineFailed, WrongSetting: something does not come up; the text says what.
    """
    folder, progress = StateFolder.made(state), progress or Progress()
    with folder.hold():
        async with AsyncExitStack() as stack:
            ports = ports or free_ports(folder.file("ports.json"))
            if servers is None:
                with progress.step("Postgres and Redis"):
                    servers = await _open_engines(folder, ports, stack)
            keys = folder.file("keys") if key_files else None
            place = replace(_place(folder, ports, servers), record=record, keys=keys)
            crew = Crew(folder.logs, say=progress.note)
            system = System(folder, place, crew, _programs(place))
            stack.push_async_callback(crew.stop_all, last=(SANDBOX,))
            await _start(system, progress)
            yield system


async def migrate(place: Place, services: Collection[str] = tuple(SCHEMAS)) -> None:
    """Make roles and schemas of these services, and bring each to its newest version."""
    for schema in (SCHEMAS[service] for service in services):
        passwords = place.secrets.database[schema]
        await bootstrap(
            place.servers.admin_database_url,
            schema=schema,
            owner_password=passwords.owner,
            app_password=passwords.app,
        )
    await _together(*(_upgrade(place, service) for service in services))


async def migrate_folder(state: Path) -> None:
    """`make migrate`: bring the schemas of a stopped copy, or of DATABASE_URL, up to date."""
    folder = StateFolder.made(state)
    with folder.hold():
        ports = free_ports(folder.file("ports.json"))
        async with open_postgres(folder.path, port=ports.postgres) as admin_url:
            await migrate(_place(folder, ports, Servers(admin_url, redis_url="")))


async def _open_engines(folder: StateFolder, ports: Ports, stack: AsyncExitStack) -> Servers:
    return Servers(
        await stack.enter_async_context(open_postgres(folder.path, port=ports.postgres)),
        await stack.enter_async_context(open_redis(folder.path, port=ports.redis)),
    )


def _place(folder: StateFolder, ports: Ports, servers: Servers) -> Place:
    urls = Urls.local(ports)
    return Place(
        archive=folder.archive,
        sandbox_state=folder.file("sandbox.sqlite"),
        ports=ports,
        urls=urls,
        public=urls,
        servers=servers,
        secrets=SecretsFile(folder.file("secrets.json")).secrets,
    )


async def _start(system: System, progress: Progress) -> None:
    with progress.step("schemas, migrations, provider sandboxes"):
        await _together(migrate(system.place), system.start(SANDBOX))
    with progress.step("three services and their workers"):
        await _together(*(system.start(name) for name in system.programs if name != SANDBOX))


async def _together(*work: Coroutine[Any, Any, None]) -> None:
    """All at once; the first failure ends the rest and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


def _programs(place: Place) -> dict[str, Program]:
    urls = place.urls
    doors = {MAIN_API: urls.main_api, INTEGRATIONS: urls.integrations, PAYMENTS: urls.payments}
    programs = {
        SANDBOX: _program(
            SANDBOX, "opside_sandbox", environment.sandbox(place), f"{urls.control}/health"
        )
    }
    for service, package in PACKAGES.items():
        settings = environment.service(place, service)
        ready = f"{doors[service]}/health/ready"
        programs[service] = _program(service, f"{package}.app", settings, ready)
        worker = worker_of(service)
        programs[worker] = _program(worker, f"{package}.worker", settings, None)
    return programs


def _program(name: str, module: str, settings: Mapping[str, str], ready_url: str | None) -> Program:
    command = (sys.executable, "-m", module)
    return Program(name, command, environment.machine(settings), PROJECT, ready_url)


async def _upgrade(place: Place, service: str) -> None:
    ini = PROJECT / "services" / service / "alembic.ini"
    await _command(
        (sys.executable, "-m", "alembic", "-c", str(ini), "upgrade", "head"),
        environment.migration(place, service),
        folder=ini.parent,
    )


async def _command(
    command: tuple[str, ...], settings: Mapping[str, str], *, folder: Path = PROJECT
) -> None:
    """Run a short program to its end; raises `StartFailed` with its last words."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=environment.machine(settings),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), COMMAND_SECONDS)
    except (TimeoutError, asyncio.CancelledError):
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        words = said.decode(errors="replace").strip()
        raise StartFailed(f"{' '.join(command[1:])} failed:\n{words}")
