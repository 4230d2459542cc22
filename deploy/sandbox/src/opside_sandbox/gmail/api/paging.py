"""Pages of a list: a token holds the place and is good for the same question only."""

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from opside_sandbox.gmail.api.gate import Call
from opside_sandbox.gmail.errors import invalid

Item = TypeVar("Item")
_DEFAULT, _SEAL_DIGITS = 100, 15
_PLACE = {"pageToken", "maxResults"}


def page(
    call: Call, items: Sequence[Item], rank: Callable[[Item], int]
) -> tuple[Sequence[Item], str | None]:
    """This page and the token of the next; `items` stand in falling `rank`.

    The token names the last item shown, so that what arrives meanwhile shifts no page.
    Raises ApiError for a token of another question.
    """
    seal, token = _seal(call), call.values.get("pageToken")
    if token:
        below = _place(seal, token)
        items = [one for one in items if rank(one) < below]
    some = items[: int(call.values.get("maxResults", _DEFAULT))]
    following = f"{seal}{rank(some[-1])}" if len(some) < len(items) else None
    return some, following


def _place(seal: str, token: str) -> int:
    place = token[_SEAL_DIGITS:]
    if not token.startswith(seal) or not place.isascii() or not place.isdigit():
        raise invalid("Invalid pageToken")
    return int(place)


def _seal(call: Call) -> str:
    question = sorted((key, one) for key, one in call.values.items() if key not in _PLACE)
    told = f"{call.state.seed}/{call.person.key}/{question}"
    number = int.from_bytes(hashlib.sha256(told.encode()).digest()[:6], "big")
    return f"{number:0{_SEAL_DIGITS}d}"
