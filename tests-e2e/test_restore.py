"""The restore drill: a backup of the working system, brought back elsewhere, proves the same books."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from recovering import charges, recover

from opside_chassis.testing.engines import EmbeddedPostgres
from opside_local import backup, environment
from opside_local.engines import DATABASE
from opside_local.folders import StateFolder
from opside_local.journey.browser import Browser
from opside_local.journey.cards import save_card
from opside_local.journey.people import SELLERS
from opside_local.journey.signing_in import sign_in
from opside_local.ports import remembered_ports
from opside_local.secrets import PAYMENTS
from opside_local.system import System

ADA = SELLERS[0]


def opside(*arguments: str) -> subprocess.CompletedProcess[str]:
    return _run("opside_local", *arguments)


def _run(
    module: str, *arguments: str, settings: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own commands
        [sys.executable, "-m", module, *arguments],
        env=settings,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def charged(system: System) -> None:
    """Somebody has been charged: by the main job, or here when this file runs alone."""
    if await charges(system):
        return
    async with Browser(system.urls.main_api) as seller:
        await sign_in(seller, ADA)
        await save_card(
            seller,
            stripe_url=system.urls.stripe,
            publishable_key=system.place.secrets.stripe_publishable_key,
        )
        await recover(system, seller)


@pytest.fixture(scope="module")
def kept(system: System, charged: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backups") / "today"
    made = opside("backup", str(folder), "--state", str(system.folder.path))
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture
def elsewhere(system: System, tmp_path: Path) -> StateFolder:
    """An empty copy with the keys of the old one, which no backup holds."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o711)  # the engines run as another user
    state = StateFolder.made(tmp_path / "state")
    shutil.copy(system.folder.file("secrets.json"), state.file("secrets.json"))
    return state


def test_what_was_backed_up_comes_back_and_its_books_equal_stripes(
    system: System, kept: Path, elsewhere: StateFolder
) -> None:
    back = opside("restore", str(kept), "--state", str(elsewhere.path))
    assert back.returncode == 0, back.stderr
    assert "all counts equal" in back.stdout
    there = backup.Manifest.model_validate_json((kept / backup.MANIFEST).read_bytes())
    assert there.rows["payments.journals"] > 0
    files = {p.relative_to(elsewhere.archive) for p in elsewhere.archive.rglob("*.parquet")}
    assert files
    assert files <= {
        p.relative_to(system.folder.archive) for p in system.folder.archive.rglob("*.parquet")
    }
    port = remembered_ports(elsewhere.file("ports.json")).postgres
    with EmbeddedPostgres(elsewhere.file("postgres"), port=port) as server:
        servers = replace(system.place.servers, admin_database_url=server.url(DATABASE))
        settings = environment.service(replace(system.place, servers=servers), PAYMENTS)
        for command in ("verify-audit", "compare-books"):
            done = _run("stripe_payments.commands", command, settings=environment.machine(settings))
            assert done.returncode == 0, done.stdout + done.stderr


def test_a_place_that_holds_data_is_left_alone(system: System, kept: Path) -> None:
    refused = opside("restore", str(kept), "--state", str(system.folder.path))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "in use" in refused.stderr


def test_a_second_restore_is_refused(kept: Path, elsewhere: StateFolder) -> None:
    assert opside("restore", str(kept), "--state", str(elsewhere.path)).returncode == 0
    again = opside("restore", str(kept), "--state", str(elsewhere.path))
    assert again.returncode == 1
    assert "is not empty" in again.stderr


def test_a_damaged_backup_is_refused_before_anything_is_written(
    kept: Path, elsewhere: StateFolder, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(kept, damaged)
    with (damaged / backup.DUMP).open("r+b") as dump:
        dump.seek(1000)
        dump.write(b"\0\0\0\0")
    refused = opside("restore", str(damaged), "--state", str(elsewhere.path))
    assert refused.returncode == 1
    assert "its checksum differs" in refused.stderr
    assert not elsewhere.file("postgres").exists()


@pytest.mark.parametrize("files", [[], ["manifest.json"]])
def test_a_folder_that_is_no_backup_is_named(
    tmp_path: Path, elsewhere: StateFolder, files: list[str]
) -> None:
    folder = tmp_path / "something"
    folder.mkdir()
    for name in files:
        (folder / name).write_text("{}")
    refused = opside("restore", str(folder), "--state", str(elsewhere.path))
    assert refused.returncode == 1
    assert "is no backup of ours" in refused.stderr


def test_a_backup_overwrites_nothing(system: System, kept: Path) -> None:
    refused = opside("backup", str(kept), "--state", str(system.folder.path))
    assert refused.returncode == 1
    assert "exists; mend: name a folder that does not" in refused.stderr
