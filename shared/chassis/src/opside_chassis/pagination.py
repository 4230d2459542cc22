"""Pages of a list, newest first, continued by an opaque cursor."""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, Field

from opside_chassis.errors import BadRequest
from opside_chassis.wire import AnswerModel

T = TypeVar("T")

DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
"""A page is one answer a person looks at; more is asked for by cursor."""


class PageQuery(BaseModel):
    """The query parameters of a list: `limit` (1 to 100) and the `cursor` of the page before."""

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE)] = DEFAULT_PAGE_SIZE
    cursor: Annotated[str | None, Field(max_length=500)] = None


class Page(AnswerModel, Generic[T]):
    """One page; `next_cursor` is null on the last."""

    items: list[T]
    next_cursor: str | None = None


def encode_cursor(*keys: str) -> str:
    """The sort keys of a page's last row, as opaque text."""
    return base64.urlsafe_b64encode(json.dumps(keys).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *, parts: int) -> tuple[str, ...]:
    """The sort keys of a cursor that we made.

    Raises:
        BadRequest: it is not one of ours.
    """
    try:
        keys = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, UnicodeDecodeError) as error:
        raise BadRequest("the cursor is not one of ours") from error
    if not isinstance(keys, list) or len(keys) != parts or not all(_is_key(key) for key in keys):
        raise BadRequest("the cursor is not one of ours")
    return tuple(keys)


def cursor_moment(key: str) -> datetime:
    """The moment that a sort key of a cursor names, in UTC.

    Raises:
        BadRequest: it is not one of ours.
    """
    try:
        moment = datetime.fromisoformat(key)
        # Near the ends of the calendar another zone's moment is none in UTC: the driver would fail on it.
        in_utc = moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadRequest("the cursor is not one of ours") from error
    if moment.tzinfo is None:
        raise BadRequest("the cursor is not one of ours")
    return in_utc


def _is_key(key: object) -> bool:
    """Postgres takes no NUL in a text, and no lone surrogate."""
    surrogates = range(0xD800, 0xE000)
    return isinstance(key, str) and not any(c == "\0" or ord(c) in surrogates for c in key)
