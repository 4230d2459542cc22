"""Each import contract is proven to bite: a violation is planted in a copy of the sources."""

import configparser
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from opside_local.folders import PROJECT

TREES = (
    "shared/chassis/src",
    "shared/contracts/src",
    "services/main-api/src",
    "services/integrations-backend/src",
    "services/stripe-payments/src",
    "deploy/local/src",
    "deploy/sandbox/src",
)


@dataclass(frozen=True)
class Planted:
    """`module` gains `line`; `contract` must notice and say so (by default name the module)."""

    contract: str
    module: str
    line: str
    said: str = ""


VIOLATIONS = [
    Planted("house", "main_api.planted", "import stripe_payments.settings"),
    Planted("house", "integrations_backend.cases.planted", "import main_api.settings"),
    Planted("house", "stripe_payments.ledger.planted", "import integrations_backend.settings"),
    Planted("house", "opside_chassis.planted", "import opside_contracts.events"),
    Planted("house", "opside_contracts.planted", "import main_api.settings"),
    Planted("house", "opside_local.planted", "import stripe_payments.settings"),
    Planted("house", "opside_local.planted", "import opside_sandbox.settings"),
    Planted("house", "opside_sandbox.planted", "import main_api.settings"),
    Planted("sandbox-alone", "opside_sandbox.planted", "import opside_chassis.money"),
    Planted("sandbox-alone", "opside_sandbox.planted", "import sqlalchemy"),
    Planted("contracts-lean", "opside_contracts.planted", "import sqlalchemy"),
    Planted("contracts-lean", "opside_contracts.planted", "import httpx"),
    Planted("chassis-declared", "opside_chassis.planted", "import stripe"),
    Planted("testing-optional", "main_api.planted", "import opside_chassis.testing.engines"),
    Planted("testing-optional", "opside_chassis.planted", "import opside_chassis.testing.engines"),
    Planted("main-api-declared", "main_api.planted", "import rich"),
    Planted("integrations-declared", "integrations_backend.planted", "import rich"),
    Planted("payments-declared", "stripe_payments.planted", "import rich"),
    Planted("main-api-rooms", "main_api.settings", "import main_api.runtime"),
    Planted("main-api-rooms", "main_api.sessions.planted", "import main_api.recoveries.routes"),
    Planted("main-api-rooms", "main_api.unlisted_room", "import json"),
    Planted(
        "integrations-rooms",
        "integrations_backend.runtime",
        "import integrations_backend.cases.rules",
    ),
    Planted(
        "integrations-rooms",
        "integrations_backend.cases.planted",
        "import integrations_backend.sync.routes",
    ),
    Planted("integrations-rooms", "integrations_backend.unlisted_room", "import json"),
    Planted(
        "payments-rooms", "stripe_payments.ledger.planted", "import stripe_payments.webhooks.routes"
    ),
    Planted(
        "payments-rooms", "stripe_payments.ledger.planted", "import stripe_payments.audit.queries"
    ),
    Planted("payments-rooms", "stripe_payments.unlisted_room", "import json"),
    Planted("stripe-wire", "stripe_payments.commissions.planted", "import stripe"),
    Planted("stripe-wire", "stripe_payments.transfers.planted", "from stripe import StripeClient"),
    Planted("http-wire", "integrations_backend.sync.planted", "import httpx"),
    Planted("http-wire", "main_api.recoveries.planted", "import httpx"),
    Planted("web-framework", "main_api.recoveries.planted", "from fastapi import Request"),
    Planted("web-framework", "stripe_payments.ledger.planted", "import starlette.requests"),
    Planted("queue", "stripe_payments.commissions.jobs", "import arq"),
    Planted("queue", "main_api.recoveries.jobs", "import redis"),
    Planted("pure-rules", "stripe_payments.commissions.rules", "import sqlalchemy"),
    Planted("pure-rules", "integrations_backend.detection.rules", "import opside_chassis.database"),
    Planted("pure-rules", "opside_chassis.money", "import httpx"),
    Planted("routes-without-sql", "stripe_payments.commissions.routes", "import sqlalchemy"),
    Planted("routes-without-sql", "main_api.sessions.routes", "import asyncpg"),
    Planted(
        "private-tables",
        "stripe_payments.commissions.planted",
        "import stripe_payments.ledger.models",
    ),
    Planted("private-tables", "main_api.gateway.planted", "import main_api.sessions.queries"),
    Planted(
        "no-cycles",
        "opside_chassis.ids",
        "import opside_chassis.outbox",
        "No cycles are allowed in opside_chassis.",
    ),
    Planted(
        "no-cycles",
        "stripe_payments.commissions.rules",
        "import stripe_payments.commissions.settle",
        "No cycles are allowed in stripe_payments.commissions.",
    ),
]


def contracts() -> set[str]:
    """The ids of all contracts."""
    config = configparser.ConfigParser()
    config.read(PROJECT / ".importlinter")
    prefix = "importlinter:contract:"
    return {name.removeprefix(prefix) for name in config.sections() if name.startswith(prefix)}


@dataclass(frozen=True)
class Copy:
    """The source trees, ready for planting."""

    folder: Path

    def lint(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What lint-imports says about the copy."""
        trees = os.pathsep.join(str(self.folder / tree) for tree in TREES)
        command = ["--config", str(self.folder / ".importlinter"), *arguments]
        return subprocess.run(
            [str(Path(sys.executable).with_name("lint-imports")), *command],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": trees},
            capture_output=True,
            text=True,
            check=False,
        )

    def file(self, module: str) -> Path:
        """Where a module of this name is, or would be."""
        package, *_ = module.split(".")
        tree = next(tree for tree in TREES if (self.folder / tree / package).is_dir())
        return (self.folder / tree).joinpath(*module.split(".")).with_suffix(".py")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    folder = tmp_path_factory.mktemp("house")
    for tree in TREES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / tree, folder / tree, ignore=ignored)
    shutil.copy(PROJECT / ".importlinter", folder)
    return Copy(folder)


@pytest.fixture
def plant(copy: Copy) -> Iterator[object]:
    """Adds lines to modules of the copy and takes them out again."""
    before: dict[Path, str | None] = {}

    def add(planted: Planted) -> None:
        file = copy.file(planted.module)
        before.setdefault(file, file.read_text() if file.exists() else None)
        file.write_text(f"{before[file] or ''}\n{planted.line}\n")

    yield add
    for file, text in before.items():
        file.unlink() if text is None else file.write_text(text)


def test_the_tree_keeps_every_contract(copy: Copy):
    said = copy.lint()
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize(
    "planted", VIOLATIONS, ids=lambda one: f"{one.contract}:{one.module}:{one.line.split()[1]}"
)
def test_a_planted_violation_is_caught(copy: Copy, plant, planted: Planted):
    plant(planted)
    said = copy.lint("--contract", planted.contract)
    assert said.returncode == 1, f"{planted} was not noticed\n{said.stdout}"
    assert "BROKEN" in said.stdout
    assert (planted.said or planted.module) in said.stdout


def test_every_contract_has_a_planted_violation():
    assert {planted.contract for planted in VIOLATIONS} == contracts()
