"""Takes secrets out of what is logged, at the logger, so that no caller has to remember to.

Rather too much than too little: a word too many is lost from a log line, a key never reaches it.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

REDACTED = "[redacted]"
MAX_TEXT_CHARACTERS = 16_384
"""A longer text is cut before it is searched; bounds the work of one log line."""
MAX_DEPTH = 12

_SECRET_WORDS = (
    "authorization",
    "cookie",
    "credential",
    "csrf",
    "cvc",
    "cvv",
    "jwt",
    "passphrase",
    "password",
    "passwd",
    "private_?key",
    "api_?key",
    "access_?key",
    "encryption_?key",
    "card_?number",
    "secret",
    "signature",
    "token",
)
_SECRET_NAME = re.compile("|".join(_SECRET_WORDS), re.IGNORECASE)
_NAMES_IN_TEXT = "|".join(_SECRET_WORDS).replace("_?", "[_-]?")

Loggable = Any
"""What `json.dumps` takes: None, bool, numbers, text, lists and dicts of them."""
Replacement = str | Callable[[re.Match[str]], str]
_PATTERNS: tuple[tuple[re.Pattern[str], Replacement], ...] = (
    # Whole header lines: a cookie or a signature scheme holds several values.
    (
        re.compile(r"(?im)\b((?:set-)?cookie|authorization|stripe-signature)\s*[:=]\s*[^\"'\r\n]+"),
        rf"\1: {REDACTED}",
    ),
    # name=value, name: value, "name": "value", 'name': 'value'
    (
        re.compile(
            rf"(?i)((?<![\w-])[\"']?[\w-]{{0,40}}(?:{_NAMES_IN_TEXT})[\w-]{{0,40}}[\"']?\s*[:=]\s*)"
            r"(?:b?\"(?:[^\"\\]|\\.)*\"|b?'(?:[^'\\]|\\.)*'|[^\s,;&\"'}\])]+)"
        ),
        rf"\1{REDACTED}",
    ),
    # One-time codes of OAuth redirects, and the secret of a calendar's address.
    (
        re.compile(r"(?i)((?:^|[?&\s])(?:code|state|spapi_oauth_code|key)=)[^&\s\"']+"),
        rf"\1{REDACTED}",
    ),
    # JWTs, also when only two parts are left of one.
    (re.compile(r"eyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*){1,4}"), REDACTED),
    (re.compile(r"(?i)\bbearer\s+[A-Za-z0-9._~+/=-]{8,}"), f"Bearer {REDACTED}"),
    # Stripe: API keys, webhook secrets, client secrets.
    (re.compile(r"(?<![A-Za-z0-9])(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9_]+"), REDACTED),
    (re.compile(r"(?<![A-Za-z0-9])whsec_[A-Za-z0-9+/=_-]+"), REDACTED),
    (re.compile(r"(?<![A-Za-z0-9])[a-z]+_[A-Za-z0-9]+_secret_[A-Za-z0-9]+"), REDACTED),
    # Amazon and Google tokens.
    (re.compile(r"\bAtz[a-z]?\|[^\s\"',;&]+"), REDACTED),
    (re.compile(r"\bamzn1\.oa2-cs\.[A-Za-z0-9.]+"), REDACTED),
    (re.compile(r"\bya29\.[\w.-]+|\bGOCSPX-[\w-]+|\b1//[\w-]{20,}"), REDACTED),
    # The password of a URL.
    (re.compile(r"(://[^/\s:@]*:)[^@\s/]+@"), rf"\1{REDACTED}@"),
)

# What every pattern above needs in a text, and what a card needs: most lines have none of it, and
# one search is a tenth of the work of them all.
_SUSPECT = re.compile(
    r"[:=]|eyJ|bearer|k_live|k_test|whsec|_secret_|Atz|amzn1|ya29|GOCSPX|1//|\d(?:[ -]?\d){12}",
    re.IGNORECASE,
)

# Card numbers have 13-19 digits, begin with 2-6 and pass Luhn's check. Without that check every
# millisecond timestamp and many order ids would be lost from the logs.
_CARD_LENGTHS = range(13, 20)
_CARD_FIRST_DIGITS = "23456"
_MAX_GROUPS = 40
_DIGIT_RUN = re.compile(r"\d(?:[ -]?\d){12,}")
_GROUP = re.compile(r"\d+")


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Whether a field of this name must not be logged."""
    return _SECRET_NAME.search(name.replace("-", "_")) is not None


def redact_text(text: str) -> str:
    """The text without anything that looks like a secret or a card number."""
    if len(text) > MAX_TEXT_CHARACTERS:
        text = text[:MAX_TEXT_CHARACTERS] + "...[cut]"
    if _SUSPECT.search(text) is None:
        return text
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return _DIGIT_RUN.sub(_without_card, text)


def redact(value: object, *, depth: int = 0) -> Loggable:
    """A JSON-ready copy of a value without its secrets; unknown objects become their text."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        text = str(value)
        clean = redact_text(text)
        return value if clean == text else clean
    if isinstance(value, dict | list | tuple | set | frozenset):
        return "[too deep]" if depth >= MAX_DEPTH else _redact_members(value, depth + 1)
    return redact_text(value if isinstance(value, str) else str(value))


def _redact_members(value: Iterable[object], depth: int) -> Loggable:
    if isinstance(value, dict):
        return {
            str(name): REDACTED if is_secret_name(str(name)) else redact(item, depth=depth)
            for name, item in value.items()
        }
    return [redact(item, depth=depth) for item in value]


def _without_card(found: re.Match[str]) -> str:
    run = found.group()
    groups = _GROUP.findall(run)
    if len(groups) > _MAX_GROUPS or any(_is_card(digits) for digits in _joined(groups)):
        return REDACTED
    return run


def _joined(groups: list[str]) -> Iterator[str]:
    """Neighbouring groups put together: a card may stand beside other numbers."""
    for start in range(len(groups)):
        digits = ""
        for group in groups[start:]:
            digits += group
            if len(digits) >= _CARD_LENGTHS.stop:
                break
            yield digits


def _is_card(digits: str) -> bool:
    if len(digits) not in _CARD_LENGTHS or digits[0] not in _CARD_FIRST_DIGITS:
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled  # noqa: PLR2004 - sum of its two digits
    return total % 10 == 0
