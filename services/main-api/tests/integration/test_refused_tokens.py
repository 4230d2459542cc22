"""A service behind the door that refuses our own token is away; its 401 would sign the user out."""

import re

import pytest
from door import Browser, Door, Street
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from opside_chassis.access import api_routes

PARAMETER = re.compile(r"\{[^}]+\}")


async def refused(_request: Request) -> Response:
    problem = {"status": 401, "code": "unauthenticated", "detail": "The token is not good."}
    return JSONResponse(problem, 401, media_type="application/problem+json")


@pytest.mark.parametrize("neighbour", ["integrations", "payments"])
async def test_no_page_of_the_door_says_that_the_user_is_not_signed_in(
    ada: Browser, door: Door, street: Street, neighbour: str
) -> None:
    getattr(street, neighbour).answer = refused
    statuses = {}
    for route in api_routes(door.app):
        if "GET" in (route.methods or ()) and not route.path.startswith("/api/auth/amazon/"):
            path = PARAMETER.sub("some-id", route.path)
            statuses[path] = (await ada.http.get(path)).status_code
    assert [path for path, status in statuses.items() if status == 401] == []
    assert list(statuses.values()).count(503) > 3
