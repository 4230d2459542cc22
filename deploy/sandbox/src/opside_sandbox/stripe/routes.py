"""Operations: method, path, the name that faults address, parameters, and the code that acts."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.fields import Fields
from opside_sandbox.stripe.world import Ask, World

Handler = Callable[[World, Ask], Document]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked of the API.

    `publishable` operations may be asked with a publishable key and the object's client secret.
    """

    method: str
    path: str
    name: str
    handler: Handler
    fields: Fields = field(default_factory=dict)
    required: tuple[str, ...] = ()
    publishable: bool = False


class Router:
    """Finds the operation of a method and a path; fixed words win over ids."""

    def __init__(self, operations: list[Operation]) -> None:
        names = [one.name for one in operations]
        if len(set(names)) != len(names):
            raise ValueError("two operations share a name")
        ordered = sorted(operations, key=lambda one: (one.path.count("{"), one.path))
        self._patterns = [(_pattern(one.path), one) for one in ordered]
        self.names = frozenset(names)

    def find(self, method: str, path: str) -> tuple[Operation, Mapping[str, str]] | None:
        """The operation and the ids in the path, or None."""
        for pattern, operation in self._patterns:
            if operation.method == method and (match := pattern.fullmatch(path)):
                return operation, match.groupdict()
        return None


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[A-Za-z0-9_-]+)", path))
