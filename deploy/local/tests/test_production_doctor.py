"""The doctor of a whole installation: three services' findings, and what only all of them show."""

import json
from pathlib import Path

import pytest

from opside_chassis.doctor import Verdict, read_report
from opside_chassis.keyring import generate_keypair
from opside_local import production
from opside_local.system import PACKAGES


def entry(kid: str) -> dict[str, str]:
    return {"kid": kid, "issuer": "main-api", "public_key": generate_keypair().public_key}


ONE, OTHER = entry("a"), entry("b")


def rings(**known: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    return {name: {"SERVICE_PUBLIC_KEYS": json.dumps(ring)} for name, ring in known.items()}


@pytest.mark.parametrize(
    ("settings", "verdict", "says"),
    [
        (rings(here=[ONE, OTHER], there=[OTHER, ONE]), Verdict.OK, "2 keys"),
        (rings(here=[ONE, OTHER], there=[ONE]), Verdict.WRONG, "there lacks b"),
        (rings(here=[ONE], there=[{**OTHER, "kid": "a"}]), Verdict.WRONG, "lacks a"),
        (rings(here=[], there=[]), Verdict.WRONG, "no service knows a key"),
        ({"here": {"SERVICE_PUBLIC_KEYS": "{"}}, Verdict.WRONG, "no service knows a key"),
    ],
)
def test_all_services_know_the_same_keys(
    settings: dict[str, dict[str, str]], verdict: Verdict, says: str
) -> None:
    found = production.same_rings(settings)
    assert found.verdict is verdict
    assert says in found.says


def test_keys_in_a_file_count_as_they_do_for_the_service(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"SERVICE_PUBLIC_KEYS": [ONE]}))
    given = rings(here=[ONE], there=[OTHER])
    given["there"]["KEYS_FILE"] = str(path)
    assert production.same_rings(given).verdict is Verdict.OK


def test_a_service_that_would_not_start_is_named_with_its_setting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "main-api.env").write_text("# nothing\nENVIRONMENT=production\n")
    (tmp_path / "stripe-payments.env").write_text("DATABASE_URL=mysql://x\n")
    assert production.examine(tmp_path, as_json=True) == 1
    found = {finding.service: finding for finding in read_report(capsys.readouterr().out)}
    assert found.keys() == {*PACKAGES, "all"}
    assert "is not set" in found["main-api"].says
    assert "DATABASE_URL" in found["stripe-payments"].says
    assert found["integrations-backend"].says.endswith("integrations-backend.env is not there")
