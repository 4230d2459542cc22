"""The gateway's table of routes answers what asking the routes one after the other answers."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from door import settings_of
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Match

from main_api.app import create
from main_api.gateway.shortcut import Shortcut
from main_api.gateway.table import ROUTES, PassedOn
from opside_chassis.access import api_routes
from opside_chassis.testing.plugin import Signing

NAME = re.compile(r"\{\w+\}")


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create(settings_of(Signing()))


@pytest.fixture(scope="module")
def shortcut(app: FastAPI) -> Shortcut:
    first = app.router.routes[0]
    assert isinstance(first, Shortcut)
    return first


def scope_of(app: FastAPI, method: str, path: str, **more: Any) -> dict[str, Any]:
    return {"type": "http", "app": app, "method": method, "path": path, "headers": [], **more}


def sample(path: str) -> str:
    return NAME.sub("some-id", path)


def named(row: PassedOn) -> str:
    return f"{row.method} {row.path}"


@pytest.mark.parametrize("row", ROUTES, ids=named)
def test_every_row_is_found_with_its_names(app: FastAPI, shortcut: Shortcut, row: PassedOn) -> None:
    match, found = shortcut.matches(scope_of(app, row.method, sample(row.path)))
    assert match is Match.FULL
    assert isinstance(found["route"], APIRoute)
    assert (found["route"].path, shortcut.path_format) == (row.path, row.path)
    assert found["path_params"] == {name[1:-1]: "some-id" for name in NAME.findall(row.path)}


def routes_of_others(app: FastAPI) -> Iterator[tuple[str, str]]:
    passed_on = {(row.method, row.path) for row in ROUTES}
    for route in api_routes(app):
        for method in route.methods or ():
            if (method, route.path) not in passed_on:
                yield method, route.path


def test_no_route_of_main_apis_own_is_taken_for_one_that_is_passed_on(
    app: FastAPI, shortcut: Shortcut
) -> None:
    others = list(routes_of_others(app))
    assert len(others) > 40
    for method, path in others:
        assert shortcut.matches(scope_of(app, method, sample(path))) == (Match.NONE, {}), path


@pytest.mark.parametrize("row", ROUTES, ids=named)
def test_no_other_route_answers_what_is_passed_on(app: FastAPI, row: PassedOn) -> None:
    """So that it does not matter who is asked first."""
    asked = scope_of(app, row.method, sample(row.path))
    answering = [route for route in app.router.routes[1:] if route.matches(asked)[0] is Match.FULL]
    assert len(answering) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/cases/"),
        ("GET", "/api/cases/a/b"),
        ("GET", "/API/CASES"),
        ("GET", "//api/cases"),
        ("GET", "/api/cases/{case_id}/"),
        ("PATCH", "/api/cases"),
        ("HEAD", "/api/cases"),
        ("POST", "/internal/amazon/consents"),
    ],
)
def test_what_is_not_in_the_table_is_left_to_the_other_routes(
    app: FastAPI, shortcut: Shortcut, method: str, path: str
) -> None:
    assert shortcut.matches(scope_of(app, method, path)) == (Match.NONE, {})


def test_sockets_are_left_to_the_other_routes(app: FastAPI, shortcut: Shortcut) -> None:
    scope = {"type": "websocket", "app": app, "path": "/api/cases", "headers": []}
    assert shortcut.matches(scope) == (Match.NONE, {})
