"""The product's description: what is passed on is described by who answers it."""

from dataclasses import dataclass

import pytest

from opside_local.product_openapi import product


@dataclass(frozen=True)
class Row:
    method: str
    path: str
    upstream: str


def document(path: str, operation: dict, **schemas: dict) -> dict:
    return {
        "info": {"title": "x"},
        "paths": {path: {"get": {"operationId": "own", **operation}}},
        "components": {"schemas": schemas},
    }


OWN = document("/api/things/{thing}", {"summary": "Passed on"}, Own={"type": "object"})
BEHIND = document(
    "/api/things/{thing_id}",
    {
        "summary": "A thing",
        "parameters": [
            {"in": "path", "name": "thing_id"},
            {"in": "header", "name": "X-Opside-Browser-Binding"},
        ],
        "responses": {"200": {"schema": {"$ref": "#/components/schemas/Thing"}}},
    },
    Thing={"properties": {"part": {"$ref": "#/components/schemas/Part"}}},
    Part={"type": "string"},
    Unused={"type": "string"},
)
ROW = Row("GET", "/api/things/{thing}", "payments")


def test_a_passed_on_route_says_what_its_service_says():
    whole = product(OWN, {"payments": BEHIND}, [ROW])
    operation = whole["paths"]["/api/things/{thing}"]["get"]
    assert (operation["summary"], operation["operationId"]) == ("A thing", "own")
    assert operation["parameters"] == [{"in": "path", "name": "thing"}]
    reference = operation["responses"]["200"]["schema"]["$ref"]
    assert reference == "#/components/schemas/payments.Thing"
    assert set(whole["components"]["schemas"]) == {"payments.Thing", "payments.Part"}


def test_no_description_of_a_service_is_changed_by_the_merge():
    before = repr((OWN, BEHIND))
    product(OWN, {"payments": BEHIND}, [ROW])
    assert repr((OWN, BEHIND)) == before


def test_what_only_services_call_is_left_out():
    own = document("/internal/events", {})
    assert product(own, {}, [])["paths"] == {}


def test_a_row_that_leads_nowhere_is_named():
    with pytest.raises(LookupError, match="payments has no GET /api/gone"):
        product(OWN, {"payments": BEHIND}, [Row("GET", "/api/gone", "payments")])
