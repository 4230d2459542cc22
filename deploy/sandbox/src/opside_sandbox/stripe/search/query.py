"""Stripe's search query language: `email:"a" AND -metadata["k"]:"v"`, `amount>100`, `name~"abc"`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from opside_sandbox.stripe.errors import Document, StripeError, invalid

_MOST_CLAUSES = 10
_CLAUSE = re.compile(
    r"""(?P<not>-)?(?P<field>[a-z_][a-z0-9_.]*)
        (?:\[(?P<quote>["'])(?P<key>(?:\\.|(?!(?P=quote)).)+)(?P=quote)\])?
        (?P<operator>:|~|>=|<=|>|<)
        (?:(?P<mark>["'])(?P<text>(?:\\.|(?!(?P=mark)).)*)(?P=mark)|(?P<bare>[A-Za-z0-9_.-]+))""",
    re.VERBOSE,
)
_JOIN = re.compile(r"\s+(?:(AND|OR)\s+)?", re.IGNORECASE)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
    ">=": lambda left, right: left >= right,
    "<=": lambda left, right: left <= right,
}


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition. `kind` is what the field holds: text, token, number or metadata."""

    field: str
    key: str | None
    operator: str
    value: str | None
    kind: str
    negated: bool

    def holds(self, document: Document) -> bool:
        """Is it true of this object?"""
        return self._matches(_value(document, self.field, self.key)) != self.negated

    def _matches(self, known: object) -> bool:
        if self.value is None:
            return known is None
        if known is None:
            return False
        if self.kind == "number":
            return _number_matches(self.operator, known, self.value)
        have, wanted = _text(known), self.value.lower()
        return wanted in have if self.operator == "~" else wanted == have


@dataclass(frozen=True, slots=True)
class Query:
    """Clauses that all hold, or one of which does."""

    clauses: tuple[Clause, ...]
    every: bool

    def holds(self, document: Document) -> bool:
        """Does the object belong to the result?"""
        return (all if self.every else any)(one.holds(document) for one in self.clauses)


def parse(text: str, fields: Mapping[str, str]) -> Query:
    """Read a query over these fields (name -> kind). Raises StripeError."""
    clauses, joins, place = [], set(), 0
    text = text.strip()
    while place < len(text):
        match = _CLAUSE.match(text, place)
        if match is None:
            raise _wrong(f"We were unable to parse your search query at: {text[place:]}")
        clauses.append(_clause(match, fields))
        place = match.end()
        if place < len(text):
            join = _JOIN.match(text, place)
            if join is None or join.end() == len(text):
                raise _wrong("We were unable to parse your search query.")
            joins.add((join.group(1) or "and").lower())
            place = join.end()
    if not clauses:
        raise _wrong("The search query is empty.")
    if len(joins) > 1:
        raise _wrong("You cannot combine AND and OR in one search query.")
    if len(clauses) > _MOST_CLAUSES:
        raise _wrong(f"A search query has up to {_MOST_CLAUSES} clauses.")
    return Query(tuple(clauses), every="or" not in joins)


def _clause(match: re.Match[str], fields: Mapping[str, str]) -> Clause:
    field, operator = match["field"], match["operator"]
    kind = fields.get(field)
    if kind is None or (kind == "metadata") != (match["key"] is not None):
        raise _wrong(
            f"Field `{field}` is an unsupported search field for this resource. See "
            "https://stripe.com/docs/search#query-fields-for-each-resource for a list of "
            "supported fields."
        )
    value = match["text"] if match["mark"] else match["bare"]
    if match["mark"]:
        value = re.sub(r"\\(.)", r"\1", value)
    elif value == "null":
        value = None
    _check_operator(field, kind, operator, value)
    key = re.sub(r"\\(.)", r"\1", match["key"]) if match["key"] else None
    return Clause(field, key, operator, value, kind, negated=match["not"] is not None)


def _check_operator(field: str, kind: str, operator: str, value: str | None) -> None:
    if operator in _COMPARE and kind != "number":
        raise _wrong(f"Field `{field}` does not support the operator `{operator}`.")
    if operator == "~" and (kind not in {"text", "metadata"} or len(value or "") < 3):
        raise _wrong(
            f"Field `{field}` takes `~` for texts of at least three characters only."
            if kind in {"text", "metadata"}
            else f"Field `{field}` does not support the operator `~`."
        )
    if kind == "number" and value is not None and not re.fullmatch(r"-?\d{1,18}", value):
        raise _wrong(f"Field `{field}` takes a number, not `{value}`.")


def _number_matches(operator: str, known: object, wanted: str) -> bool:
    number = int(str(known))
    return number == int(wanted) if operator == ":" else _COMPARE[operator](number, int(wanted))


def _value(document: Document, field: str, key: str | None) -> object:
    node: object = document
    for part in [*field.split("."), *([key] if key is not None else [])]:
        node = node.get(part) if isinstance(node, dict) else None
    return node


def _text(known: object) -> str:
    return ("true" if known else "false") if isinstance(known, bool) else str(known).lower()


def _wrong(message: str) -> StripeError:
    return invalid(message, param="query")
