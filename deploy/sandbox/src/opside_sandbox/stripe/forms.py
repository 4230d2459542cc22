"""`a[b][0]=c` and back: how Stripe's SDKs write nested parameters."""

import re
from typing import Any
from urllib.parse import parse_qsl

from opside_sandbox.stripe.errors import malformed

_PART = re.compile(r"\[([^\[\]]*)\]")
_MAX_DEPTH = 8


def parse(text: str) -> dict[str, Any]:
    """Nested dictionaries and lists of strings. Raises StripeError for a broken name."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=2000):
        _set(tree, _path(name), value)
    listed = _lists(tree)
    assert isinstance(listed, dict)  # noqa: S101 (the root has names, never only numbers)
    return listed


def _path(name: str) -> list[str]:
    head, bracket, rest = name.partition("[")
    parts = [head, *_PART.findall(bracket + rest)]
    written = head + "".join(f"[{part}]" for part in parts[1:])
    if not head or head.isdigit() or written != name or len(parts) > _MAX_DEPTH:
        raise malformed(f"Invalid parameter name: {name}", param=name)
    return parts


def _set(tree: dict[str, Any], path: list[str], value: str) -> None:
    node = tree
    for part in path[:-1]:
        key = part or str(len(node))
        below = node.setdefault(key, {})
        if not isinstance(below, dict):
            raise malformed(f"Invalid parameter: {path[0]}", param=path[0])
        node = below
    node[path[-1] or str(len(node))] = value


def _lists(node: Any) -> Any:  # noqa: ANN401 (strings, dictionaries, lists)
    """A dictionary whose names are all numbers is a list, in the order of the numbers."""
    if not isinstance(node, dict):
        return node
    if node and all(key.isdigit() for key in node):
        return [_lists(node[key]) for key in sorted(node, key=int)]
    return {key: _lists(value) for key, value in node.items()}
