"""Signing keys rotated by the command: at every moment every token is known to everybody."""

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from web_parts import settings

from opside_chassis import rotate_jwt
from opside_chassis.errors import Unauthenticated
from opside_chassis.key_steps import NotYet
from opside_chassis.keyring import KeyRing, SigningKey
from opside_chassis.rotate_jwt import SERVICES, Folder
from opside_chassis.service_token import ServiceTokens, ServiceTokenVerifier

NOW = datetime(2026, 11, 21, tzinfo=UTC)
Steps = list[Callable[[], rotate_jwt.Changes]]


def as_service(folder: Folder, service: str) -> Any:
    held = {name.lower(): value for name, value in folder.held(service).items()}
    return settings(**held)


def token_of(folder: Folder, service: str) -> str:
    key = SigningKey.from_settings(as_service(folder, service), issuer=service)
    return ServiceTokens(key, service).mint(audience="any", scope="a")


def believe(folder: Folder, service: str, token: str) -> str:
    ring = KeyRing.from_settings(as_service(folder, service))
    return ServiceTokenVerifier(ring, "any").verify(token).service


def everybody_believes_everybody(folder: Folder) -> None:
    for speaker in SERVICES:
        for listener in SERVICES:
            assert believe(folder, listener, token_of(folder, speaker)) == speaker


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    rotate_jwt.take(made, rotate_jwt.init(made, now=NOW))
    return made


def steps(folder: Folder) -> Steps:
    return [
        lambda: rotate_jwt.publish(folder, now=NOW),
        lambda: rotate_jwt.sign(folder),
        lambda: rotate_jwt.drop(folder),
    ]


def test_the_old_tokens_hold_until_the_old_keys_are_dropped(folder: Folder) -> None:
    old = {service: token_of(folder, service) for service in SERVICES}
    for step in steps(folder)[:2]:
        rotate_jwt.take(folder, step())
        everybody_believes_everybody(folder)
        for speaker, token in old.items():
            assert believe(folder, "main-api", token) == speaker
    rotate_jwt.take(folder, rotate_jwt.drop(folder))
    everybody_believes_everybody(folder)
    for token in old.values():
        with pytest.raises(Unauthenticated):
            believe(folder, "main-api", token)
    assert len(folder.ring()) == 3


@pytest.mark.parametrize("order", list(permutations(SERVICES)))
def test_files_may_change_one_after_another_in_any_order(
    folder: Folder, order: tuple[str, ...]
) -> None:
    """Between two steps all files are alike; within a step any of them may be the first."""
    for step in steps(folder):
        changes = step()
        for service in order:
            rotate_jwt.take(folder, {service: changes[service]})
            everybody_believes_everybody(folder)


def test_a_step_taken_twice_changes_nothing(folder: Folder) -> None:
    assert rotate_jwt.init(folder, now=NOW) == {}
    for step in steps(folder):
        changes = step()
        assert changes
        rotate_jwt.take(folder, changes)
        assert step() == {}
        everybody_believes_everybody(folder)


def test_one_service_alone_may_have_a_new_key(folder: Folder) -> None:
    rotate_jwt.take(folder, rotate_jwt.publish(folder, ["main-api"], now=NOW))
    assert set(rotate_jwt.sign(folder)) == {"main-api"}


def test_steps_out_of_order_are_refused(folder: Folder) -> None:
    changes = rotate_jwt.publish(folder, now=NOW)
    with pytest.raises(NotYet, match="publish first"):
        rotate_jwt.sign(folder)
    rotate_jwt.take(folder, changes)
    with pytest.raises(NotYet, match="sign first"):
        rotate_jwt.drop(folder)


def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str]:
    monkeypatch.setattr("sys.argv", ["rotate_jwt", *arguments])
    code = 0
    try:
        rotate_jwt.main()
    except SystemExit as left:
        code = int(left.code or 0)
    said = capsys.readouterr()
    return code, said.out + said.err


def test_the_command_waits_for_one_lifetime_between_the_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = tmp_path / "new" / "keys"
    folder = ("--folder", str(keys))
    assert command(monkeypatch, capsys, "publish", *folder)[0] == 1, "there are no keys yet"
    assert command(monkeypatch, capsys, "init", *folder)[0] == 0
    assert keys.stat().st_mode & 0o077 == 0
    assert (keys / "main-api.json").stat().st_mode & 0o077 == 0
    code, said = command(monkeypatch, capsys, "publish", "--values", *folder)
    assert (code, said.count("SERVICE_PUBLIC_KEYS=[")) == (0, 3)
    code, said = command(monkeypatch, capsys, "sign", *folder)
    assert (code, "wait 9" in said) == (1, True)
    long_ago = time.time() - rotate_jwt.OVERLAP_SECONDS - 1
    for service in SERVICES:
        os.utime(keys / f"{service}.json", (long_ago, long_ago))
    assert command(monkeypatch, capsys, "sign", *folder)[0] == 0
    code, said = command(monkeypatch, capsys, "drop", *folder)
    assert (code, "still about" in said) == (1, True)
    assert command(monkeypatch, capsys, "drop", "--overlap-seconds", "0", *folder)[0] == 0
    code, said = command(monkeypatch, capsys, "status", *folder)
    assert (code, said.count("signs")) == (0, 3)
    assert json.loads((keys / rotate_jwt.NEXT_KEYS).read_text()) == {}
