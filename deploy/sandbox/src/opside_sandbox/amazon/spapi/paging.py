"""Pages behind tokens that mean something only together with the same arguments."""

import hashlib

from fastapi import Request

from opside_sandbox.amazon.spapi.errors import invalid_input


def _question(request: Request, name: str) -> str:
    asked = sorted((key, value) for key, value in request.query_params.multi_items() if key != name)
    return hashlib.sha256(repr((request.url.path, asked)).encode()).hexdigest()[:24]


def token_for(request: Request, name: str, place: int) -> str:
    """The token of the page that begins at this place; `name` is the token's own parameter."""
    return f"{place:x}.{_question(request, name)}"


def place_of(request: Request, name: str) -> int:
    """Where the page begins. Raises SpApiError for a token of another question."""
    token = request.query_params.get(name, "")
    if not token:
        return 0
    place, _, question = token.partition(".")
    try:
        found = int(place, 16)
    except ValueError:
        found = -1
    if found < 0 or question != _question(request, name):
        raise invalid_input(f"{name} is not valid for these parameters.")
    return found
