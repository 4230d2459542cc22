"""stripe-payments and a floor beside it, on one Postgres: what the money benches measure on."""

import sys
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from opside_chassis.migration import bootstrap, role_url
from opside_local import environment
from opside_local.engines import open_postgres, open_redis
from opside_local.environment import Place, Servers, Urls
from opside_local.folders import PROJECT
from opside_local.ports import HOST, Ports, free_ports
from opside_local.processes import Crew, Program
from opside_local.secrets import PAYMENTS, Secrets
from opside_local.system import migrate

FLOOR = "floor"
PASSWORD = "bench-only"  # noqa: S105 (a server that lives for seconds)


@dataclass(frozen=True, slots=True)
class PaymentsPlace:
    """Both servers run in two processes each; `admin_url` is the database's administrator."""

    place: Place
    crew: Crew
    admin_url: str

    @property
    def our_ports(self) -> tuple[int, int]:
        """Where stripe-payments answers."""
        ports = self.place.ports
        return ports.payments, ports.integrations

    @property
    def floor_ports(self) -> tuple[int, int]:
        """Where the floor answers."""
        ports = self.place.ports
        return ports.main_api, ports.gmail

    def floor_url(self, role: str = "app") -> str:
        """The floor's own schema in the same database."""
        return role_url(self.admin_url, role=f"{FLOOR}_{role}", password=PASSWORD)

    async def start_ours(self) -> None:
        """Two processes of stripe-payments, as a deployment starts them."""
        settings = environment.service(self.place, PAYMENTS)
        for port in self.our_ports:
            await self.start(
                f"stripe-payments-{port}",
                "stripe_payments.app",
                {**settings, "PORT": str(port)},
                ready=f"http://{HOST}:{port}/health/ready",
            )

    async def start_floor(self, module: str, settings: Mapping[str, str]) -> None:
        """Two processes of a floor."""
        for port in self.floor_ports:
            await self.start(
                f"floor-{port}",
                module,
                {"DATABASE_URL": self.floor_url(), **settings},
                str(port),
                ready=f"http://{HOST}:{port}/health",
            )

    async def start(
        self,
        name: str,
        module: str,
        settings: Mapping[str, str],
        *arguments: str,
        ready: str | None,
    ) -> None:
        """Any other Python program beside them."""
        command = (sys.executable, "-m", module, *arguments)
        await self.crew.start(Program(name, command, environment.machine(settings), PROJECT, ready))


@asynccontextmanager
async def payments_place(
    *, libraries: Sequence[str] = (), services: Collection[str] = (PAYMENTS,)
) -> AsyncIterator[PaymentsPlace]:
    """Postgres (with these libraries), Redis, the schemas of these services; the bench starts them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        ports = free_ports(path / "ports.json")
        async with (
            open_postgres(path, port=ports.postgres, libraries=libraries) as admin_url,
            open_redis(path, port=ports.redis) as redis_url,
        ):
            place = _place(path, ports, Servers(admin_url, redis_url))
            await migrate(place, services)
            await bootstrap(admin_url, schema=FLOOR, owner_password=PASSWORD, app_password=PASSWORD)
            crew = Crew(path)
            try:
                yield PaymentsPlace(place, crew, admin_url)
            finally:
                await crew.stop_all()


def _place(path: Path, ports: Ports, servers: Servers) -> Place:
    urls = Urls.local(ports)
    return Place(
        archive=path / "archive",
        sandbox_state=path / "sandbox.sqlite",
        ports=ports,
        urls=urls,
        public=urls,
        servers=servers,
        secrets=Secrets(),
    )
