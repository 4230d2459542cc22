"""One OpenAPI description of the whole product, as a front end sees it: main-api's own routes and, for
those it passes on, what the services behind it say of them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, Protocol

Document = dict[str, Any]
_PARAMETER = re.compile(r"\{[^}]+\}")
_SCHEMAS = "#/components/schemas/"
_INTERNAL = "/internal/"


class PassedOn(Protocol):
    """A row of main-api's gateway table."""

    @property
    def method(self) -> str:
        """In capitals."""

    @property
    def path(self) -> str:
        """With its parameters in braces."""

    @property
    def upstream(self) -> str:
        """The service that answers."""


def product(own: Document, upstreams: Mapping[str, Document], rows: Sequence[PassedOn]) -> Document:
    """Merge the descriptions. Schemas of a service behind the door carry its name.

    Raises:
        LookupError: a row passes on what its service does not offer.
    """
    merged = deepcopy(own)
    merged["info"] = {**own["info"], "title": "Opside"}
    merged["paths"] = {
        path: operations for path, operations in merged["paths"].items() if _INTERNAL not in path
    }
    schemas = merged.setdefault("components", {}).setdefault("schemas", {})
    for name, document in upstreams.items():
        for schema, content in document.get("components", {}).get("schemas", {}).items():
            schemas[f"{name}.{schema}"] = _renamed(content, name)
    for row in rows:
        operation = _renamed(_operation(upstreams[row.upstream], row), row.upstream)
        known = merged["paths"][row.path][row.method.lower()]
        merged["paths"][row.path][row.method.lower()] = {
            **_with_names_of(row.path, operation),
            "operationId": known["operationId"],
            "tags": [row.upstream],
        }
    used = set(_references(merged["paths"], schemas))
    merged["components"]["schemas"] = {name: schemas[name] for name in sorted(used)}
    return merged


def _operation(document: Document, row: PassedOn) -> Document:
    for path, operations in document["paths"].items():
        if _PARAMETER.sub("{}", path) == _PARAMETER.sub("{}", row.path):
            found = operations.get(row.method.lower())
            if found is not None:
                return dict(found)
    raise LookupError(f"{row.upstream} has no {row.method} {row.path}, which main-api passes on")


def _with_names_of(path: str, operation: Document) -> Document:
    """Path parameters under the names that main-api's path has for them."""
    names = [name[1:-1] for name in _PARAMETER.findall(path)]
    parameters = [
        parameter for parameter in operation.get("parameters", []) if parameter["in"] != "header"
    ]
    in_path = [parameter for parameter in parameters if parameter["in"] == "path"]
    for parameter, name in zip(in_path, names, strict=True):
        parameter["name"] = name
    return {**operation, "parameters": parameters} if parameters else operation


def _renamed(part: Any, service: str) -> Any:  # noqa: ANN401 (any JSON)
    """A copy whose references lead to the service's own schemas."""
    if isinstance(part, dict):
        return {
            key: value.replace(_SCHEMAS, f"{_SCHEMAS}{service}.")
            if key == "$ref" and isinstance(value, str)
            else _renamed(value, service)
            for key, value in part.items()
        }
    if isinstance(part, list):
        return [_renamed(one, service) for one in part]
    return part


def _references(part: Any, schemas: Mapping[str, Any]) -> Iterator[str]:  # noqa: ANN401 (any JSON)
    """Names of all schemas that are reached from here."""
    waiting, seen = [part], set[str]()
    while waiting:
        here = waiting.pop()
        if isinstance(here, list):
            waiting += here
        elif isinstance(here, dict):
            name = str(here.get("$ref", "")).removeprefix(_SCHEMAS)
            if name in schemas and name not in seen:
                seen.add(name)
                yield name
                waiting.append(schemas[name])
            waiting += here.values()
