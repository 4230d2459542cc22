import importlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from opside_local import environment
from opside_local.environment import Place, Servers, Urls
from opside_local.folders import PROJECT
from opside_local.ports import Ports
from opside_local.secrets import SCHEMAS, Secrets
from opside_local.system import PACKAGES


@dataclass(frozen=True)
class Service:
    """One service as a guard sees it."""

    name: str
    package: str
    schema: str

    @property
    def folder(self) -> Path:
        return PROJECT / "services" / self.name

    @property
    def sources(self) -> Path:
        return self.folder / "src" / self.package

    def module(self, name: str) -> ModuleType:
        """A module of the service; guards are the only place outside it that imports one."""
        return importlib.import_module(f"{self.package}.{name}")


SERVICES = [Service(name, package, SCHEMAS[name]) for name, package in PACKAGES.items()]


@pytest.fixture(params=SERVICES, ids=lambda service: service.name)
def service(request: pytest.FixtureRequest) -> Service:
    return request.param


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A copy of the system that is never started."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "archive").mkdir()
    ports = Ports(**{name: 20_000 + number for number, name in enumerate(Ports.__slots__)})
    urls = Urls.local(ports)
    servers = Servers("postgresql://admin@127.0.0.1:1/opside", "redis://127.0.0.1:1/0")
    sandbox = folder / "sandbox.sqlite"
    return Place(folder / "archive", sandbox, ports, urls, urls, servers, Secrets())


@pytest.fixture
def started_as_locally(service: Service, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment that this machine's copy would give the service."""
    for name, value in environment.service(place, service.name).items():
        monkeypatch.setenv(name, value)
