"""The page a seller lands on: plain HTML with one script of its own, no build, no third party."""

from importlib.resources import files

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse, Response

from opside_chassis import access
from opside_chassis.described import answers_file

router = APIRouter(dependencies=[Depends(access.public())])

_FOLDER = files(__package__)
# The page may run and call nothing but what this origin serves.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def _asset(name: str, media_type: str) -> Response:
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
    return Response(_FOLDER.joinpath(name).read_bytes(), media_type=media_type, headers=headers)


@router.get("/", status_code=307, response_class=RedirectResponse)
async def root() -> RedirectResponse:
    """The front door leads to the dashboard."""
    return RedirectResponse("/dashboard")


@router.get("/dashboard", response_class=Response, responses=answers_file("text/html"))
async def page() -> Response:
    """Sign-in button, connections, sync progress, cases and recoveries."""
    return _asset("page.html", "text/html; charset=utf-8")


@router.get(
    "/dashboard/page.js", response_class=Response, responses=answers_file("text/javascript")
)
async def script() -> Response:
    """The page's script."""
    return _asset("page.js", "text/javascript; charset=utf-8")


@router.get("/dashboard/page.css", response_class=Response, responses=answers_file("text/css"))
async def style() -> Response:
    """The page's looks."""
    return _asset("page.css", "text/css; charset=utf-8")


@router.get("/api/openapi.json")
async def description() -> Response:
    """Every route of the product in one description, those behind this door included."""
    return _asset("product_openapi.json", "application/json")
