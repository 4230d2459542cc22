"""Keys in a file: taken when it is replaced, kept as they were when it is no good."""

import json
from pathlib import Path
from typing import Any

import pytest
from web_parts import HERE, settings

from opside_chassis.key_file import Rereading
from opside_chassis.keyring import KeyRing, SigningKey, generate_keypair
from opside_chassis.settings import ServiceSettings, WrongSetting, read


def replace(path: Path, content: object) -> None:
    """In one step, as a mounted secret changes."""
    new = path.with_suffix(".new")
    new.write_text(content if isinstance(content, str) else json.dumps(content))
    new.replace(path)


def published(kid: str) -> dict[str, Any]:
    entry = {"kid": kid, "issuer": HERE, "public_key": generate_keypair().public_key}
    return {"SERVICE_PUBLIC_KEYS": [entry]}


def key_id(now: ServiceSettings) -> str:
    return now.service_key_id


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    replace(path, {})
    return path


def test_a_replaced_file_is_taken(path: Path) -> None:
    kid = Rereading(settings(keys_file=str(path)), key_id, look_every_seconds=0)
    assert kid.now() == "here-1"
    replace(path, {"SERVICE_KEY_ID": "here-2"})
    assert kid.now() == "here-2"


def test_the_file_is_looked_at_only_now_and_then(path: Path) -> None:
    kid = Rereading(settings(keys_file=str(path)), key_id, look_every_seconds=3600)
    assert kid.now() == "here-1"
    replace(path, {"SERVICE_KEY_ID": "here-2"})
    assert kid.now() == "here-1"


@pytest.mark.parametrize(
    "bad", ["{", "[]", {"DATABASE_URL": "postgresql://x/y"}, {"SERVICE_KEY_ID": ""}]
)
def test_a_file_that_is_no_good_changes_nothing_until_it_is_mended(
    path: Path, bad: object, caplog: pytest.LogCaptureFixture
) -> None:
    kid = Rereading(settings(keys_file=str(path)), key_id, look_every_seconds=0)
    replace(path, {"SERVICE_KEY_ID": "here-2"})
    assert kid.now() == "here-2"
    replace(path, bad)
    assert [kid.now(), kid.now()] == ["here-2", "here-2"]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    path.unlink()
    assert kid.now() == "here-2"
    replace(path, {"SERVICE_KEY_ID": "here-3"})
    assert kid.now() == "here-3"


def test_a_secret_never_reaches_the_log(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    given = settings(keys_file=str(path))
    key = Rereading(
        given, lambda now: SigningKey.from_settings(now, issuer=HERE), look_every_seconds=0
    )
    replace(path, {"SERVICE_PRIVATE_KEY": "guess-me-" * 4})
    assert key.now().kid == "here-1"
    assert "SERVICE_PRIVATE_KEY" in caplog.text
    assert "guess-me" not in caplog.text


def test_a_ring_from_settings_follows_the_file(path: Path) -> None:
    replace(path, published("a"))
    ring = KeyRing.from_settings(settings(keys_file=str(path)))
    assert ring.find("a")
    assert ring.find("here-1") is None, "the file wins over the environment"


def test_the_start_reads_the_file_and_says_what_is_wrong_with_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {name: value for name, value in settings() if name != "service_key_id"}
    replace(path, {"SERVICE_KEY_ID": "from-file"})
    monkeypatch.setenv("KEYS_FILE", str(path))
    monkeypatch.setenv("SERVICE_KEY_ID", "from-environment")
    del given["keys_file"]
    assert read(ServiceSettings, **given).service_key_id == "from-file"
    path.unlink()
    with pytest.raises(WrongSetting) as caught:
        read(ServiceSettings, **given)
    assert caught.value.setting == "KEYS_FILE"
