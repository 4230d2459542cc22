"""Every route says who may call it; what the routes promise changes only on purpose."""

import importlib
import json
import os
import re

import pytest

from opside_chassis import access
from opside_chassis.settings import read
from opside_local.folders import PROJECT
from opside_local.product_openapi import product
from opside_local.system import PACKAGES

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


APART = {
    # Addresses that the source documents give to two services (decision 0010).
    ("main-api", "POST", "/stripe/connect"),
    ("main-api", "GET", "/stripe/transactions/{}"),
}
NAME = re.compile(r"{\w+}")


def test_the_two_forms_of_an_address_are_one_thing(service, app):
    """What is there as /api/... and as /api/v1/... is one function, or goes to one service."""
    meant = {}
    for route in access.api_routes(app):
        for method in route.methods:
            path = NAME.sub("{}", route.path.replace("/api/v1/", "/api/", 1))
            if path.startswith("/api/"):
                meant.setdefault((method, path), {})[route.path] = _meaning(service.name, route)
    twins = {key: forms for key, forms in meant.items() if len(forms) > 1}
    unlike = {
        (service.name, method, path.removeprefix("/api"))
        for (method, path), forms in twins.items()
        if len(set(forms.values())) > 1
    }
    assert unlike - APART == set()
    if service.name != "stripe-payments":
        assert len(twins) > 20


def _meaning(name, route):
    """The route's function; for what main-api passes on, to whom, for whom and how."""
    if name != "main-api":
        return route.endpoint
    rows = importlib.import_module("main_api.gateway.table").ROUTES
    passed = {row.path: row for row in rows if row.method in route.methods}
    row = passed.get(route.path)
    return route.endpoint if row is None else (row.upstream, row.roles, row.binds_browser)


def test_the_openapi_description_is_the_kept_one(service, app):
    kept = service.folder / OPENAPI
    described = json.dumps(app.openapi(), indent=1, sort_keys=True) + "\n"
    if os.environ.get("OPSIDE_WRITE_OPENAPI"):
        kept.write_text(described)
    assert kept.read_text() == described, "the API changed; if it was meant to: make openapi"


def test_the_products_openapi_description_is_made_of_the_services_own():
    """After the test above, so that one run writes both."""
    described = {
        name: json.loads((PROJECT / "services" / name / OPENAPI).read_text()) for name in PACKAGES
    }
    own = described.pop("main-api")
    rows = importlib.import_module("main_api.gateway.table").ROUTES
    whole = json.dumps(product(own, described, rows), indent=1, sort_keys=True) + "\n"
    kept = PROJECT / "services/main-api/src/main_api/dashboard/product_openapi.json"
    if os.environ.get("OPSIDE_WRITE_OPENAPI"):
        kept.write_text(whole)
    assert kept.read_text() == whole, "a service's API changed; if it was meant to: make openapi"


def test_a_filed_case_is_answered_alike_by_main_api_and_by_whose_case_it_is():
    """main-api files it itself; its callers were promised what integrations-backend answers."""
    answers = [
        _answered(json.loads((PROJECT / "services" / name / OPENAPI).read_text()))
        for name in ("main-api", "integrations-backend")
    ]
    assert answers[0] == answers[1]


def _answered(document):
    """Each field of the answer to a case that was filed, and whether it may be null."""
    operation = document["paths"]["/api/cases/{case_id}/filed"]["post"]
    good = operation["responses"]["200"]["content"]["application/json"]["schema"]
    schema = document["components"]["schemas"][good["$ref"].rsplit("/", 1)[1]]
    return {
        name: {"type": "null"} in field.get("anyOf", ())
        for name, field in schema["properties"].items()
    }
