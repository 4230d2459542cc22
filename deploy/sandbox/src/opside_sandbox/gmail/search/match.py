"""Whether a message answers a search."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from opside_sandbox.gmail.labels import ids_of
from opside_sandbox.gmail.mailbox.message import Mail
from opside_sandbox.gmail.search import dates
from opside_sandbox.gmail.search.query import All, AnyOf, Field, Node, Not, Text, words

_HIDDEN = {"spam", "trash", "anywhere"}


@dataclass(frozen=True, slots=True)
class Asker:
    """Who searches, and when."""

    address: str
    now: datetime


def shows_hidden(node: Node) -> bool:
    """Whether the search names spam, the bin, or everywhere: only then are they searched."""
    if isinstance(node, Field):
        return node.name in {"in", "label", "is"} and node.value.lower() in _HIDDEN
    if isinstance(node, All | AnyOf):
        return any(shows_hidden(one) for one in node.nodes)
    return False


def matches(node: Node, mail: Mail, asker: Asker) -> bool:
    """Whether the message is among the results."""
    match node:
        case All(nodes):
            return all(matches(one, mail, asker) for one in nodes)
        case AnyOf(nodes):
            return any(matches(one, mail, asker) for one in nodes)
        case Not(inner):
            return not matches(inner, mail, asker)
        case Text(phrase):
            return _stands_in(phrase, _index(mail.raw).everything)
        case Field(name, value):
            return _TESTS[name](mail, value, asker)


@dataclass(frozen=True, slots=True)
class _Index:
    """The words of a message; each text begins and ends with a space."""

    headers: dict[str, tuple[str, ...]]
    filenames: tuple[str, ...]
    everything: tuple[str, ...]


@lru_cache(maxsize=8192)
def _index(raw: bytes) -> _Index:
    mail = Mail("", "", datetime.min, frozenset(), 0, raw)  # noqa: DTZ901 (only its bytes count)
    kept: dict[str, list[str]] = {}
    for name, value in mail.root.headers:
        kept.setdefault(name.lower(), []).append(_spaced(value))
    headers = {name: tuple(values) for name, values in kept.items()}
    files = tuple(_spaced(one) for one in mail.filenames)
    named = [one for name in ("subject", "from", "to", "cc") for one in headers.get(name, ())]
    return _Index(headers, files, (*named, *files, _spaced(mail.text)))


def _spaced(text: str) -> str:
    return f" {' '.join(words(text))} "


def _stands_in(phrase: Iterable[str], texts: Iterable[str]) -> bool:
    """Whole words, side by side, in one of the texts; no words stand in none."""
    wanted = f" {' '.join(phrase)} "
    return bool(wanted.strip()) and any(wanted in text for text in texts)


def _in_headers(*names: str) -> Callable[[Mail, str, Asker], bool]:
    def test(mail: Mail, value: str, asker: Asker) -> bool:
        own = value.lower() == "me" and names[0] != "subject"
        phrase = words(asker.address if own else value)
        known = _index(mail.raw).headers
        return any(_stands_in(phrase, known.get(name, ())) for name in names)

    return test


def _filename(mail: Mail, value: str, _asker: Asker) -> bool:
    return _stands_in(words(value), _index(mail.raw).filenames)


def _has(mail: Mail, value: str, _asker: Asker) -> bool:
    if value.lower() == "userlabels":
        return any(label.startswith("Label_") for label in mail.labels)
    return value.lower() == "attachment" and bool(mail.filenames)


def _after(mail: Mail, value: str, _asker: Asker) -> bool:
    since = dates.moment(value)
    return since is not None and mail.at >= since


def _before(mail: Mail, value: str, _asker: Asker) -> bool:
    until = dates.moment(value)
    return until is not None and mail.at < until


def _newer_than(mail: Mail, value: str, asker: Asker) -> bool:
    since = dates.ago(asker.now, value)
    return since is not None and mail.at >= since


def _older_than(mail: Mail, value: str, asker: Asker) -> bool:
    until = dates.ago(asker.now, value)
    return until is not None and mail.at < until


def _label(mail: Mail, value: str, _asker: Asker) -> bool:
    return value.lower() == "anywhere" or ids_of(value) in mail.labels


def _is(mail: Mail, value: str, _asker: Asker) -> bool:
    if value.lower() == "read":
        return "UNREAD" not in mail.labels
    return ids_of(value) in mail.labels


def _larger(mail: Mail, value: str, _asker: Asker) -> bool:
    limit = dates.size(value)
    return limit is not None and len(mail.raw) > limit


def _smaller(mail: Mail, value: str, _asker: Asker) -> bool:
    limit = dates.size(value)
    return limit is not None and len(mail.raw) < limit


def _message_id(mail: Mail, value: str, _asker: Asker) -> bool:
    return mail.header("Message-ID").strip("<>") == value.strip("<>")


_TESTS: dict[str, Callable[[Mail, str, Asker], bool]] = {
    "from": _in_headers("from"),
    "to": _in_headers("to", "cc", "bcc"),
    "cc": _in_headers("cc"),
    "bcc": _in_headers("bcc"),
    "subject": _in_headers("subject"),
    "filename": _filename,
    "has": _has,
    "after": _after,
    "newer": _after,
    "before": _before,
    "older": _before,
    "newer_than": _newer_than,
    "older_than": _older_than,
    "label": _label,
    "in": _label,
    "is": _is,
    "category": _label,
    "larger": _larger,
    "smaller": _smaller,
    "rfc822msgid": _message_id,
}
