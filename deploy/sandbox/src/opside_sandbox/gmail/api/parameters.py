"""Query parameters, read as Google's front end reads them: the unknown is refused."""

from collections.abc import Callable
from typing import Any

from opside_sandbox.gmail.errors import ApiError

Values = dict[str, Any]
Kind = Callable[[str, list[str]], Any]
"""(name, values as sent) -> the value. Raises ApiError."""

_COMMON = {
    "$.xgafv", "access_token", "alt", "callback", "fields", "key", "oauth_token", "prettyPrint",
    "quotaUser", "uploadType", "upload_protocol",
}  # fmt: skip


def _bad(message: str) -> ApiError:
    return ApiError(400, message, "invalid")


def text(_name: str, sent: list[str]) -> str:
    """The last one sent."""
    return sent[-1]


def texts(_name: str, sent: list[str]) -> list[str]:
    """Repeated."""
    return sent


def count(most: int) -> Kind:
    """A number from 1; more than `most` is `most`."""

    def read_count(name: str, sent: list[str]) -> int:
        if not sent[-1].isascii() or not sent[-1].isdigit():
            raise _bad(f"Invalid value at '{name}' (TYPE_UINT32), \"{sent[-1]}\"")
        return max(1, min(most, int(sent[-1])))

    return read_count


def flag(name: str, sent: list[str]) -> bool:
    """true or false."""
    if sent[-1].lower() not in {"true", "false"}:
        raise _bad(f"Invalid value at '{name}' (TYPE_BOOL), \"{sent[-1]}\"")
    return sent[-1].lower() == "true"


def choice(*known: str) -> Kind:
    """One or more of the named values, in any case; answers them all."""

    def read_choice(name: str, sent: list[str]) -> list[str]:
        by_folded = {one.lower(): one for one in known}
        for one in sent:
            if one.lower() not in by_folded:
                raise _bad(f"Invalid value at '{name}', \"{one}\"")
        return [by_folded[one.lower()] for one in sent]

    return read_choice


def history_number(name: str, sent: list[str]) -> int:
    """A history id: digits."""
    if not sent[-1].isascii() or not sent[-1].isdigit():
        raise _bad(f"Invalid value at '{name}' (TYPE_UINT64), \"{sent[-1]}\"")
    return int(sent[-1])


def read(query: list[tuple[str, str]], kinds: dict[str, Kind]) -> Values:
    """The sent parameters by name. Raises ApiError."""
    sent: dict[str, list[str]] = {}
    for name, value in query:
        if name not in kinds and name not in _COMMON:
            raise _bad(
                f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query '
                f"parameter. Field '{name}' could not be found in request message."
            )
        sent.setdefault(name, []).append(value)
    if sent.get("alt", ["json"])[-1] != "json":
        raise _bad(f"Invalid value at 'alt', \"{sent['alt'][-1]}\"")
    return {name: kinds[name](name, values) for name, values in sent.items() if name in kinds}
