"""What an operation accepts: each parameter's kind, checked and turned from text.

A kind is a function (value, parameter name) -> value. It raises the StripeError that Stripe
would answer with. A parameter that an operation does not list is unknown to it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from opside_sandbox.stripe.errors import malformed

Kind = Callable[[Any, str], Any]
Fields = Mapping[str, Kind]
_WHOLE = re.compile(r"-?[0-9]{1,18}")

CURRENCIES = frozenset(
    """
usd eur gbp jpy cad aud nzd chf sek nok dkk pln czk huf ron bgn try mxn brl inr sgd hkd krw aed
sar zar egp ils thb twd kwd bhd jod omr tnd
""".split()  # noqa: SIM905 (words read better as text)
)


def _not_text(param: str) -> Exception:
    return malformed(f"Invalid string: the parameter `{param}` must be a string", param=param)


def text(value: object, param: str) -> str:
    """Any text but the empty one."""
    if not isinstance(value, str):
        raise _not_text(param)
    if value == "":
        raise malformed(
            f"You passed an empty string for '{param}'. We assume empty values are an attempt to "
            f"unset a parameter; however '{param}' cannot be unset. You should remove '{param}' "
            "from your request or supply a non-empty value.",
            param=param,
            code="parameter_invalid_empty",
        )
    if len(value) > 5000:
        raise malformed(f"Invalid string: {param} is too long", param=param)
    return value


def clearable(kind: Kind) -> Kind:
    """An empty string unsets the field: it becomes None."""

    def parse(value: object, param: str) -> object:
        return None if value == "" else kind(value, param)

    return parse


def whole_number(minimum: int | None = None, maximum: int | None = None) -> Kind:
    """An integer within bounds."""

    def parse(value: object, param: str) -> int:
        if not isinstance(value, str) or not _WHOLE.fullmatch(value):
            raise malformed(
                f"Invalid integer: {value}", param=param, code="parameter_invalid_integer"
            )
        number = int(value)
        if minimum is not None and number < minimum:
            raise malformed(
                f"This value must be greater than or equal to {minimum}.",
                param=param,
                code="parameter_invalid_integer",
            )
        if maximum is not None and number > maximum:
            raise malformed(
                f"This value must be less than or equal to {maximum}.",
                param=param,
                code="parameter_invalid_integer",
            )
        return number

    return parse


integer = whole_number()


def boolean(value: object, param: str) -> bool:
    """`true` or `false`."""
    if value not in {"true", "false"}:
        raise malformed(f"Invalid boolean: {value}", param=param)
    return bool(value == "true")


def one_of(*choices: str) -> Kind:
    """One word of a list."""

    def parse(value: object, param: str) -> str:
        if value not in choices:
            listed = ", ".join(choices[:-1]) + f", or {choices[-1]}" if choices[1:] else choices[0]
            raise malformed(f"Invalid {param}: must be one of {listed}", param=param)
        return str(value)

    return parse


def currency(value: object, param: str) -> str:
    """A three-letter code, in lower case."""
    code = text(value, param).lower()
    if code not in CURRENCIES:
        raise malformed(f"Invalid currency: {code}. Stripe supports other currencies.", param=param)
    return code


def list_of(kind: Kind) -> Kind:
    """`name[]=…` or `name[0]=…`; an empty string is an empty list."""

    def parse(value: object, param: str) -> list[Any]:
        if value == "":
            return []
        if not isinstance(value, list):
            raise malformed("Invalid array", param=param)
        return [kind(one, f"{param}[{place}]") for place, one in enumerate(value)]

    return parse


def record(fields: Fields, *, required: tuple[str, ...] = ()) -> Kind:
    """`name[field]=…` with fields of their own."""

    def parse(value: object, param: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise malformed("Invalid object", param=param)
        return check(value, fields, required=required, inside=param)

    return parse


def metadata(value: object, param: str) -> dict[str, str] | None:
    """Texts by name; None (an empty string) clears all."""
    if value == "":
        return None
    if isinstance(value, list):  # names that are all numbers
        value = {str(place): one for place, one in enumerate(value)}
    if not isinstance(value, dict):
        raise malformed("Invalid object", param=param)
    for name, one in value.items():
        if not isinstance(one, str):
            raise _not_text(f"{param}[{name}]")
        if len(name) > 40 or len(one) > 500:
            raise malformed(
                "Metadata names have up to 40 characters, values up to 500.",
                param=f"{param}[{name}]",
            )
    if len(value) > 50:
        raise malformed("You can only have up to 50 metadata keys.", param=param)
    return dict(value)


def check(
    given: Mapping[str, Any],
    fields: Fields,
    *,
    required: tuple[str, ...] = (),
    inside: str | None = None,
) -> dict[str, Any]:
    """The given parameters, each by its kind. Raises for unknown and for missing ones."""

    def full(name: str) -> str:
        return f"{inside}[{name}]" if inside else name

    for name in given:
        if name not in fields:
            raise malformed(
                f"Received unknown parameter: {full(name)}",
                param=full(name),
                code="parameter_unknown",
            )
    for name in required:
        if given.get(name, "") == "":
            raise malformed(
                f"Missing required param: {full(name)}.",
                param=full(name),
                code="parameter_missing",
            )
    return {name: fields[name](value, full(name)) for name, value in given.items()}


ADDRESS = clearable(
    record(
        dict.fromkeys(
            ("city", "country", "line1", "line2", "postal_code", "state"), clearable(text)
        )
    )
)
