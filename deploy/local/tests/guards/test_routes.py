"""Every route says who may call it; what the routes promise changes only on purpose."""

import json
import os

import pytest

from opside_chassis import access
from opside_chassis.settings import read

OPENAPI = "openapi.json"


@pytest.fixture
def app(service, started_as_locally):
    return service.module("app").create(read(service.module("settings").Settings))


def test_every_route_declares_exactly_one_access_rule(app):
    open_routes = [
        route.path for route in access.api_routes(app) if not access.declared_access(route)
    ]
    assert open_routes == []


def test_the_service_has_routes_besides_its_health(app):
    own = [route.path for route in access.api_routes(app) if not route.path.startswith("/health")]
    assert own


def test_the_openapi_description_is_the_kept_one(service, app):
    kept = service.folder / OPENAPI
    described = json.dumps(app.openapi(), indent=1, sort_keys=True) + "\n"
    if os.environ.get("OPSIDE_WRITE_OPENAPI"):
        kept.write_text(described)
    assert kept.read_text() == described, "the API changed; if it was meant to: make openapi"
