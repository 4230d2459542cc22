import json
import socket
import stat
from pathlib import Path

import pytest

from opside_chassis.settings import WrongSetting
from opside_local.folders import AlreadyRunning, StateFolder
from opside_local.ports import SETTINGS, Ports, documented_ports, free_ports
from opside_local.secrets import Secrets, SecretsFile


def test_a_folder_is_held_by_one_process_at_a_time(tmp_path: Path):
    folder = StateFolder.made(tmp_path / "demo")
    with folder.hold():
        assert StateFolder(folder.path).is_in_use()
        with pytest.raises(AlreadyRunning), StateFolder(folder.path).hold():
            pass
    assert not folder.is_in_use()


def test_secrets_are_drawn_once_and_readable_by_their_owner_only(tmp_path: Path):
    path = StateFolder.made(tmp_path / "demo").file("secrets.json")
    first = SecretsFile(path).secrets
    assert SecretsFile(path).secrets == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o066 == 0


def test_two_copies_share_no_secret(tmp_path: Path):
    one, other = (SecretsFile(tmp_path / name).secrets.model_dump_json() for name in "ab")
    values = [set(_texts(json.loads(text))) for text in (one, other)]
    assert not values[0] & values[1]


def test_a_secret_that_a_newer_version_needs_is_added(tmp_path: Path):
    path = tmp_path / "secrets.json"
    known = SecretsFile(path).secrets.model_dump(exclude={"webhook_secret"})
    path.write_text(json.dumps(known))
    secrets = SecretsFile(path).secrets
    assert secrets.webhook_secret
    assert secrets.model_dump(exclude={"webhook_secret"}) == known
    assert Secrets.model_validate_json(path.read_text()) == secrets


def test_free_ports_are_kept_between_runs(tmp_path: Path):
    remembered = tmp_path / "ports.json"
    assert free_ports(remembered) == free_ports(remembered)


def test_a_remembered_port_that_is_taken_now_is_replaced(tmp_path: Path):
    remembered = tmp_path / "ports.json"
    before = free_ports(remembered)
    with socket.create_server(("127.0.0.1", before.payments)):
        after = free_ports(remembered)
    assert after.payments != before.payments
    assert after.main_api == before.main_api


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"main_api": "x"}', '{"main_api": -5}'])
def test_a_damaged_port_file_is_no_obstacle(tmp_path: Path, damage: str):
    remembered = tmp_path / "ports.json"
    remembered.write_text(damage)
    assert isinstance(free_ports(remembered), Ports)


def test_a_documented_port_in_use_is_named_with_its_mend(tmp_path: Path):
    spare = {setting: str(port) for setting, port in _free_settings(tmp_path).items()}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(WrongSetting) as wrong:
            documented_ports(spare | {"PAYMENTS_PORT": str(number)}, tmp_path / "ports.json")
    assert str(wrong.value) == (
        f"PAYMENTS_PORT: 127.0.0.1:{number} is in use;"
        " mend: stop what listens there, or set PAYMENTS_PORT"
    )


@pytest.mark.parametrize("text", ["0", "65536", "-1", "eighty", "80.5"])
def test_what_is_no_port_is_refused(tmp_path: Path, text: str):
    with pytest.raises(WrongSetting, match="MAIN_API_PORT"):
        documented_ports({"MAIN_API_PORT": text}, tmp_path / "ports.json")


def test_one_port_for_two_listeners_is_refused(tmp_path: Path):
    spare = {setting: str(port) for setting, port in _free_settings(tmp_path).items()}
    spare["PAYMENTS_PORT"] = spare["MAIN_API_PORT"]
    with pytest.raises(WrongSetting, match="given twice"):
        documented_ports(spare, tmp_path / "ports.json")


def _free_settings(folder: Path) -> dict[str, int]:
    ports = free_ports(folder / "spare.json")
    return {setting: getattr(ports, name) for name, (setting, _) in SETTINGS.items()}


def _texts(value: object) -> list[str]:
    """Every text in a document that is long enough to be a secret."""
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    return [value] if isinstance(value, str) and len(value) > 16 else []
