"""The demo is played as a front end plays it: main-api's door, providers' pages, and nothing behind them."""

import ast
from pathlib import Path

import opside_local

PACKAGE = Path(opside_local.__file__).parent
PLAYED = [*sorted((PACKAGE / "journey").glob("*.py")), PACKAGE / "demo.py", PACKAGE / "audit.py"]
DOORS = {"main_api", "amazon", "stripe", "control"}
"""Of `Urls`: the gateway and the sandbox. `control` shows Stripe's own books, for the proof."""
DATABASES = {"asyncpg", "sqlalchemy", "redis"}


def used(source: Path) -> set[str]:
    """The addresses of `urls` that a module takes."""
    return {
        node.attr
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).split(".")[-1] == "urls"
    }


def imported(source: Path) -> set[str]:
    """The packages that a module imports from."""
    nodes = list(ast.walk(ast.parse(source.read_text())))
    names = [name.name for node in nodes if isinstance(node, ast.Import) for name in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


def test_it_goes_through_the_gateway_only() -> None:
    taken = {door for source in PLAYED for door in used(source)}
    assert "main_api" in taken
    assert taken <= DOORS


def test_it_looks_into_no_database() -> None:
    assert not {name for source in PLAYED for name in imported(source)} & DATABASES
