"""Rules about the text of the project itself."""

import ast
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from opside_local.folders import PROJECT

LONGEST_FILE_LINES = 400
LONGEST_FUNCTION_LINES = 70
GENERATED = {".git", ".venv", ".tools", ".local", "build", "dist", "node_modules", "__pycache__"}
SAYS_NOTHING = re.compile(r"(^|/)(utils?|helpers?|common|misc)\.py$")
# Written in parts, so that the patterns do not find themselves.
KEYS = re.compile(
    r"\b[sr]k_(?:live|test)" + r"_[0-9A-Za-z]{16,}|whsec" + r"_[0-9A-Za-z]{24,}"
    r"|-----BEGIN [A-Z ]*PRIVATE" + " KEY-----"
)
HOSTS = re.compile(
    r"https?://[^ ]*(?:py" + r"pi\.|python" + r"hosted|npm" + r"js\.|debian\." + "org)"
)
MACHINE_PATHS = re.compile(r"/(?:wo" + r"rk|fa" + r"rm)/|/ro" + r"ot/\.")
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplemented" + r"Error)\b")


def project_files() -> list[Path]:
    """What is, or would be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        return [path for name in listed.stdout.splitlines() if (path := PROJECT / name).is_file()]
    return list(_walk())


def _walk() -> Iterator[Path]:
    """The same without git: everything but what tools make."""
    for folder, folders, names in os.walk(PROJECT):
        folders[:] = [
            name for name in folders if name not in GENERATED and not name.endswith("_cache")
        ]
        yield from (Path(folder) / name for name in names)


FILES = project_files()
PYTHON = [path for path in FILES if path.suffix == ".py"]


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""


def _named(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(PROJECT)) for path in paths]


def test_no_python_file_is_too_long():
    assert _named([p for p in PYTHON if len(_text(p).splitlines()) > LONGEST_FILE_LINES]) == []


def test_no_function_is_too_long():
    long = [
        f"{path.relative_to(PROJECT)}:{node.lineno} {node.name}"
        for path in PYTHON
        for node in ast.walk(ast.parse(_text(path)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION_LINES
    ]
    assert long == []


@pytest.mark.parametrize(
    ("what", "pattern", "everywhere"),
    [
        ("a key-shaped string", KEYS, True),
        ("a package registry's host", HOSTS, False),
        ("a path of one machine", MACHINE_PATHS, False),
    ],
)
def test_no_file_holds(what: str, pattern: re.Pattern[str], *, everywhere: bool):
    searched = [path for path in FILES if everywhere or path.suffix != ".md"]
    found = _named([path for path in searched if pattern.search(_text(path))])
    assert found == [], f"{what} stands in {found}"


def test_nothing_is_marked_as_unfinished():
    assert _named([path for path in PYTHON if UNFINISHED.search(_text(path))]) == []


def test_no_file_has_a_name_that_says_nothing():
    assert [name for name in _named(PYTHON) if SAYS_NOTHING.search(name)] == []


def test_the_end_to_end_tests_import_no_service():
    forbidden = {"main_api", "integrations_backend", "stripe_payments"}
    wrong = [
        f"{path.relative_to(PROJECT)}: {name}"
        for path in PYTHON
        if path.is_relative_to(PROJECT / "tests-e2e")
        for name in _imports(path)
        if name.split(".")[0] in forbidden
    ]
    assert wrong == []


def test_every_make_target_is_explained():
    lines = (PROJECT / "Makefile").read_text().splitlines()
    phony = [line.removeprefix(".PHONY: ") for line in lines if line.startswith(".PHONY: ")]
    explained = [line.split(":")[0] for line in lines if re.match(r"^[a-z0-9-]+:.*## ", line)]
    assert phony == explained


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(_text(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
