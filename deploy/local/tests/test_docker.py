"""What can be said about the Docker files without an engine."""

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from opside_local import docker_env
from opside_local.folders import PROJECT, StateFolder

DOCKERFILES = sorted((PROJECT / "deploy" / "docker").glob("*.Dockerfile"))
COMPOSE = (PROJECT / "docker-compose.yml").read_text()
CADDYFILE = (PROJECT / "deploy" / "docker" / "Caddyfile").read_text()


@pytest.fixture
def env_files(tmp_path: Path) -> dict[str, str]:
    written = docker_env.write(StateFolder(tmp_path))
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}
    return {path.name: path.read_text() for path in written}


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_an_image_is_built_in_stages_and_runs_as_nobody_special(path: Path):
    lines = path.read_text().splitlines()
    stages = [number for number, line in enumerate(lines) if line.startswith("FROM ")]
    assert len(stages) == 2
    users = [line for line in lines[stages[-1] :] if line.startswith("USER ")]
    assert users == ["USER 10001"]
    assert "ARG BASE_IMAGE=python:3.11-slim-bookworm" in lines


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_an_image_builds_with_the_classic_builder(path: Path):
    text = path.read_text()
    assert not re.search(r"^#\s*syntax", text, re.MULTILINE)
    assert "--mount" not in text


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_every_file_that_an_image_copies_exists_or_is_a_service(path: Path):
    sources = re.findall(r"^COPY (?!--from)(\S+) ", path.read_text(), re.MULTILINE)
    assert sources
    for source in sources:
        for service in ("main-api", "integrations-backend", "stripe-payments"):
            assert (PROJECT / source.replace("${SERVICE}", service)).exists(), source


def test_compose_names_exactly_the_env_files_that_are_made(env_files: dict[str, str]):
    named = set(re.findall(r"env_file: \.local/docker/(\S+)", COMPOSE))
    assert named == set(env_files)


@pytest.mark.parametrize("program", ["integrations-backend", "integrations-backend-worker"])
def test_report_files_are_unpacked_on_a_disk_and_not_in_memory(program: str):
    (said,) = re.findall(rf"^  {program}:\n((?:    .*\n)+)", COMPOSE, re.MULTILINE)
    assert re.search(r"environment: (&on-disk \{TMPDIR: \S+\}|\*on-disk)$", said, re.MULTILINE)
    assert re.search(
        r'volumes: (&files \["archive:/var/lib/opside"\]|\*files)$', said, re.MULTILINE
    )
    (place,) = re.findall(r"TMPDIR: (\S+)\}", COMPOSE)
    assert place == "/var/lib/opside", "the archive's own disk; a folder in it might not be there"


def test_compose_publishes_on_the_loopback_address_only():
    published = re.findall(r'"([^"]*:\d+:\d+)"', COMPOSE)
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_compose_file_holds_no_secret(env_files: dict[str, str]):
    values = {line.partition("=")[2] for text in env_files.values() for line in text.splitlines()}
    assert not [value for value in values if len(value) > 24 and value in COMPOSE]


def test_secrets_stay_when_the_env_files_are_written_again(
    env_files: dict[str, str], tmp_path: Path
):
    again = {path.name: path.read_text() for path in docker_env.write(StateFolder(tmp_path))}
    assert again == env_files


def test_containers_reach_each_other_by_name_and_browsers_by_loopback(env_files: dict[str, str]):
    settings = dict(line.split("=", 1) for line in env_files["main-api.env"].splitlines())
    assert settings["PAYMENTS_URL"] == "http://stripe-payments:4000"
    assert settings["AMAZON_API_URL"] == "http://sandbox:12112"
    assert settings["AMAZON_LOGIN_URL"] == "http://127.0.0.1:12112"
    assert settings["HOST"] == docker_env.ANY_ADDRESS


def test_the_public_door_leads_to_addresses_that_exist():
    proxied = dict(re.findall(r"reverse_proxy ([a-z-]+):(\d+)", CADDYFILE))
    assert proxied == {"main-api": "8000", "stripe-payments": "4000"}
    for service, port in proxied.items():
        assert f'ports: ["127.0.0.1:{port}:{port}"]' in COMPOSE.split(f"\n  {service}:\n")[1]
    [deliveries] = re.findall(r"path (/webhooks/\S+)", CADDYFILE)
    assert "post" in _paths("stripe-payments")[deliveries]


def test_what_services_say_to_each_other_stays_inside():
    [inside] = re.findall(r"@inside path (.+)", CADDYFILE)
    hidden = inside.split()
    for path in _paths("main-api"):
        if path.startswith(("/internal", "/health", "/metrics")):
            assert any(
                path == one or (one.endswith("/*") and path.startswith(one[:-1])) for one in hidden
            )


def _paths(service: str) -> dict[str, Any]:
    return json.loads((PROJECT / "services" / service / "openapi.json").read_text())["paths"]
