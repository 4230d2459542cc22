"""A Stripe event as we store it, whether it was delivered or listed: nothing that the database refuses."""

import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import Any, NamedTuple

from opside_chassis.errors import BadRequest
from opside_chassis.inbox import InboxEvent

SOURCE = "stripe"
PLATFORM, CONNECT = "platform", "connect"
LONGEST_NAME_CHARS = 255
"""Of an event's id, type and account."""
DEEPEST = 128
"""Levels of an event; Stripe's own have about a dozen."""
LONGEST_FRACTION_CHARS = 400
"""Of a number that is no integer, and its greatest exponent. Postgres ends at 16,383 places."""

# Postgres stores neither; both can only come in as escapes.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Parsed(NamedTuple):
    """A JSON object, and a text of it that the database takes as it is."""

    body: Mapping[str, Any]
    text: str


def parse_event(payload: bytes) -> Parsed:
    """The JSON object in the raw bytes.

    Raises:
        BadRequest: it is none, or it holds what the database cannot store: NUL, lone surrogates,
            numbers beyond a float or with hundreds of places, more than 128 levels.
    """
    try:
        text = payload.decode("utf-8")
        body = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is no Stripe event") from error
    if not isinstance(body, dict):
        raise BadRequest("the body is no Stripe event")
    # Two cheap signs that nothing needs a closer look: deliveries come in bursts.
    if "\\u" in text or text.count("[") + text.count("{") > DEEPEST:
        _refuse_unstorable(body, DEEPEST)
        # Written anew: of a name that stands there twice, only the last value was looked at.
        text = json.dumps(body)
    return Parsed(body, text)


def check_listed(event: Mapping[str, Any]) -> None:
    """For an event that Stripe's list brought, parsed by others.

    Raises:
        BadRequest: the database cannot store it.
    """
    _refuse_unstorable(event, DEEPEST)


def inbox_event(
    body: Mapping[str, Any], *, endpoint: str, account: str, text: str = ""
) -> InboxEvent:
    """The event of a parsed body; `account` is the connected account it speaks of, if any.

    `text` is the body's JSON, if it is at hand already.

    Raises:
        BadRequest: it names no event, type or object.
    """
    try:
        event_id, kind = body["id"], body["type"]
        about = body["data"]["object"].get("id", "")
    except (KeyError, TypeError, AttributeError) as error:
        raise BadRequest("the body is no Stripe event") from error
    for name in (event_id, kind, account):
        if not isinstance(name, str) or len(name) > LONGEST_NAME_CHARS:
            raise BadRequest("the body is no Stripe event")
    reference = json.dumps({"id": str(about), "endpoint": endpoint})
    return InboxEvent(
        source=SOURCE,
        event_id=event_id,
        type=kind,
        payload=f'{{"reference": {reference}, "event": {text or json.dumps(body)}}}',
        account=account,
    )


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    exponent = digits.lower().partition("e")[2]
    if (
        not isfinite(number)
        or len(digits) > LONGEST_FRACTION_CHARS
        or abs(int(exponent or 0)) > LONGEST_FRACTION_CHARS
    ):
        raise ValueError("a number is out of range")
    return number


def _refuse_unstorable(value: object, levels: int) -> None:
    if isinstance(value, str):
        if _UNSTORABLE.search(value):
            raise BadRequest("the event holds characters that no text has")
    elif isinstance(value, float):
        if not isfinite(value):
            raise BadRequest("the event holds a number out of range")
    elif isinstance(value, Mapping | list):
        if levels == 0:
            raise BadRequest("the event is nested too deep")
        for name in value if isinstance(value, Mapping) else ():
            _refuse_unstorable(name, 0)
        for item in value.values() if isinstance(value, Mapping) else value:
            _refuse_unstorable(item, levels - 1)


# Made once: json.loads makes one a call when it is given hooks, which costs as much as the parsing.
_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)
