"""A search, read. Any text is a query: Gmail refuses none, and neither does this.

Words stand side by side for "and"; `OR` binds closer than that: `a OR b c` is (a or b) and c.
`{a b}` is a or b; `-` negates what follows; `field:(a b)` asks the field for both.
"""

import re
from dataclasses import dataclass

FIELDS = (
    "from", "to", "cc", "bcc", "subject", "filename", "has", "after", "before", "newer", "older",
    "newer_than", "older_than", "label", "in", "is", "category", "larger", "smaller",
    "rfc822msgid",
)  # fmt: skip
_DEEPEST = 40
_TOKEN = re.compile(
    r"\s+"
    r"|(?P<open>[({])"
    r"|(?P<close>[)}])"
    r"|(?P<minus>-)(?=[^\s-])"
    rf"|(?P<field>(?:{'|'.join(FIELDS)})):(?=[^\s)}}-])"
    r'|"(?P<quoted>[^"]*)"?'
    r"|(?P<word>[^\s(){}\"]+)",
    re.IGNORECASE,
)
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Text:
    """These words side by side, anywhere in the message."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """What one field is asked for; the name in small letters, the value as it was written."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Not:
    """Everything else."""

    node: "Node"


@dataclass(frozen=True, slots=True)
class All:
    """All of them; of none: every message."""

    nodes: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of them at least."""

    nodes: tuple["Node", ...]


Node = Text | Field | Not | All | AnyOf


def words(text: str) -> tuple[str, ...]:
    """The words of a text as the search sees them: small letters, digits, underscores."""
    return tuple(_WORDS.findall(text.lower()))


def parse(query: str) -> Node:
    """Read a query."""
    return _Reader(query).everything()


class _Reader:
    """Recursive descent over the tokens; `field` is the one that a group is asked of."""

    def __init__(self, query: str) -> None:
        self._tokens = [one for one in _TOKEN.finditer(query) if one.lastgroup]
        self._next = 0
        self._depth = 0

    def everything(self) -> Node:
        return _all([_any(group) for group in self._groups("")])

    def _groups(self, field: str) -> list[list[Node]]:
        """Up to the end or the closing bracket: groups joined by "and", members by "or"."""
        groups: list[list[Node]] = []
        joins = False
        while self._next < len(self._tokens):
            token = self._tokens[self._next]
            if token.lastgroup == "close":
                self._next += 1
                if self._depth:
                    break
            elif token["word"] in {"OR", "|", "AND"}:
                self._next += 1
                joins = bool(groups) and token["word"] != "AND"
            elif (node := self._term(field)) is not None:
                if joins:
                    groups[-1].append(node)
                else:
                    groups.append([node])
                joins = False
        return groups

    def _term(self, field: str) -> Node | None:
        """One operand; None for something that says nothing."""
        token = self._tokens[self._next]
        self._next += 1
        if token.lastgroup == "minus":
            node = self._term(field) if self._goes_on() else None
            return None if node is None else Not(node)
        if token.lastgroup == "field":
            return self._term(token["field"].lower()) if self._goes_on("field") else None
        if token.lastgroup == "open":
            return self._group(token["open"], field)
        text = token["quoted"] if token.lastgroup == "quoted" else token["word"]
        if field:
            return Field(field, text) if text else None
        found = words(text)
        return Text(found) if found else None

    def _group(self, bracket: str, field: str) -> Node | None:
        if self._depth >= _DEEPEST:
            return None
        self._depth += 1
        groups = self._groups(field)
        self._depth -= 1
        if not groups:
            return None
        if bracket == "{":
            return _any([node for group in groups for node in group])
        return _all([_any(group) for group in groups])

    def _goes_on(self, *but: str) -> bool:
        """Whether an operand follows; a field's value is never another field."""
        if self._next >= len(self._tokens):
            return False
        return self._tokens[self._next].lastgroup not in {"close", "minus", *but}


def _all(nodes: list[Node]) -> Node:
    flat = [one for node in nodes for one in (node.nodes if isinstance(node, All) else (node,))]
    return flat[0] if len(flat) == 1 else All(tuple(flat))


def _any(nodes: list[Node]) -> Node:
    flat = [one for node in nodes for one in (node.nodes if isinstance(node, AnyOf) else (node,))]
    return flat[0] if len(flat) == 1 else AnyOf(tuple(flat))
