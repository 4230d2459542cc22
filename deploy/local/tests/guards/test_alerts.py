"""The alarms and log searches that we ship speak of what the services really say."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from opside_local.folders import PROJECT
from opside_local.system import PACKAGES

ALERTS = PROJECT / "deploy" / "observability"
RULES = ALERTS / "opside.rules.yml"
SEARCHES = ALERTS / "opside.jq"
PAGE = Path(__file__).with_name("metrics_page.py")
NO_REDIS = "redis://127.0.0.1:9/0"
SERIES = re.compile(r"\b(?:opside|http)_[a-z0-9_]+")
"""A metric in an expression without its labels."""
LABELS = re.compile(r"\{[^}]*\}|by \([^)]*\)")


ALARMS: Sequence[Mapping[str, Any]] = [
    rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
]
every_rule = pytest.mark.parametrize("rule", ALARMS, ids=lambda rule: rule["alert"])


@pytest.fixture(scope="module")
def exported() -> set[str]:
    """The names of all series that the services' pages have."""
    found: set[str] = set()
    for package in PACKAGES.values():
        page = subprocess.run(
            [sys.executable, PAGE, package],
            env={"REDIS_URL": NO_REDIS},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        found |= {
            re.split(r"[{ ]", line, maxsplit=1)[0]
            for line in page.splitlines()
            if not line.startswith("#")
        }
    return found


@every_rule
def test_every_metric_of_a_rule_is_exported_by_a_service(
    rule: Mapping[str, Any], exported: set[str]
) -> None:
    named = set(SERIES.findall(LABELS.sub(" ", rule["expr"])))
    assert named
    assert named <= exported


@every_rule
def test_a_rule_is_whole(rule: Mapping[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "look_at"}
    expression = rule["expr"]
    assert all(
        expression.count(one) == expression.count(other) for one, other in ("()", "{}", "[]")
    )
    assert re.search(r"> [\d.]+\s*$", expression), "an alarm says from where on"


def test_every_search_that_a_rule_sends_to_is_there() -> None:
    searches = set(re.findall(r"def (\w+)", SEARCHES.read_text()))
    sent_to = {
        name
        for rule in ALARMS
        for name in re.findall(r"(\w+) in opside\.jq", rule["annotations"]["look_at"])
    }
    assert sent_to
    assert sent_to <= searches


def test_every_text_that_a_search_looks_for_is_logged_by_our_code() -> None:
    source = "\n".join(path.read_text() for path in PROJECT.glob("s*/*/src/**/*.py"))
    texts = re.findall(r'\.message (?:== |\| test\()"([^"]+)"', SEARCHES.read_text())
    assert texts
    for text in "|".join(texts).split("|"):
        assert text in source


LINE = {
    "logger": "opside.access",
    "status": 503,
    "path": "/webhooks/stripe",
    "requestId": "req_1",
    "kind": "transfer_share",
}
FOUND_IN = {"redis_away": "redis is away", "database_away": "database is away"}


@pytest.mark.skipif(
    shutil.which("jq") is None,
    reason="jq is not installed: searches of logs need it, nothing else does",
)
@pytest.mark.parametrize("search", re.findall(r"def (\w+)", SEARCHES.read_text()))
def test_a_search_finds_its_line_and_no_other(search: str) -> None:
    message = FOUND_IN.get(search, "job failed")
    call = f'{search}("req_1")' if search == "request" else search
    found = subprocess.run(
        ["jq", "-c", "-L", str(ALERTS), f'include "opside"; {call} | 1'],
        input=json.dumps(LINE | {"message": message}) + '{"message": "another"}',
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "1\n"
