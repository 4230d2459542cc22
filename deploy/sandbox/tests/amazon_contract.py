"""Checks every SP-API exchange against Amazon's own models.

The data lives outside the repository (../shared/contracts/amazon). Where it is absent the checks
do nothing, and `summary` says so.

Amazon's models allow unknown fields almost everywhere; a stand-in that sends one has made it up.
So each object that lists its properties is read as closed, in requests that were accepted and in
answers. The gateway's 403 is in no model: its shape is checked against the recorded one elsewhere.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs

_FOLDERS = [parent / "shared" / "contracts" / "amazon" for parent in Path(__file__).parents]
_MODELS = (
    "reports_2021-06-30", "sellers", "fbaInventory", "financesV0", "finances_2024-06-19",
    "fulfillmentInboundV0", "notifications", "tokens_2021-03-01",
)  # fmt: skip


def shared(*parts: str) -> Path | None:
    """A path below ../shared, if it is there."""
    found = (parent.joinpath("shared", *parts) for parent in Path(__file__).parents)
    return next((one for one in found if one.exists()), None)


def closed(schema: Any) -> Any:
    """The schema with unknown properties refused wherever properties are listed."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: closed(value) for name, value in schema.items()}
    if isinstance(found.get("properties"), dict):
        found.setdefault("additionalProperties", False)
    return found


def _merged(definitions: dict[str, Any]) -> dict[str, Any]:
    """`allOf` of objects as one object: closed parts would refuse each other's properties."""
    found = dict(definitions)
    for name, schema in definitions.items():
        if "allOf" not in schema:
            continue
        parts = [definitions[p["$ref"][14:]] if "$ref" in p else p for p in schema["allOf"]]
        found[name] = {
            "type": "object",
            "required": [one for part in parts for one in part.get("required", [])],
            "properties": {k: v for part in parts for k, v in part["properties"].items()},
        }
    return found


def key_paths(body: Any, path: str = "") -> Iterator[str]:
    """Every key of a JSON body; list items share a path."""
    if isinstance(body, dict):
        for name, value in body.items():
            yield f"{path}.{name}".lstrip(".")
            yield from key_paths(value, f"{path}.{name}".lstrip("."))
    elif isinstance(body, list):
        for one in body:
            yield from key_paths(one, f"{path}[]")


@dataclass(frozen=True)
class Operation:
    """One operation of a model."""

    method: str
    place: list[str]
    spec: dict[str, Any]
    definitions: dict[str, Any]

    def problems(self, schema: dict[str, Any] | None, body: Any) -> list[str]:
        if schema is None:
            return []
        whole = {**closed(schema), "definitions": closed(self.definitions)}
        checker = jsonschema_rs.Draft4Validator(whole)
        return [f"{one.instance_path}: {one.message}" for one in checker.iter_errors(body)]

    def request_problems(self, request: httpx.Request) -> list[str]:
        """Unknown and missing parameters, and values that are not of their types."""
        problems, given = self.unknown_query(request), request.url.params
        for name, one in self._query().items():
            if name in given:
                value = _typed(one, given.get_list(name))
                problems += [f"query {name}{text}" for text in self.problems(_plain(one), value)]
            elif one.get("required"):
                problems.append(f"query {name} is missing")
        for one in self.spec.get("parameters", []):
            if one["in"] == "body" and (request.content or one.get("required")):
                problems += self.problems(one["schema"], _json(request.content))
        return problems

    def unknown_query(self, request: httpx.Request) -> list[str]:
        return [f"unknown query {key}" for key in request.url.params if key not in self._query()]

    def _query(self) -> dict[str, Any]:
        return {one["name"]: one for one in self.spec.get("parameters", []) if one["in"] == "query"}


def _plain(parameter: dict[str, Any]) -> dict[str, Any]:
    """A parameter's description as a schema: its own `required` is no list of names."""
    return {name: value for name, value in parameter.items() if name not in {"required", "in"}}


def _typed(parameter: dict[str, Any], texts: list[str]) -> Any:
    """What the texts of a query mean: lists are written with commas unless they are `multi`."""
    if parameter["type"] == "array":
        many = parameter.get("collectionFormat") == "multi"
        return texts if many else texts[0].split(",")
    return _json(texts[0]) if parameter["type"] in {"integer", "boolean"} else texts[0]


def _json(text: str | bytes) -> Any:
    """The value, or the text itself where it is none: that is not of the type asked for."""
    try:
        return json.loads(text)
    except ValueError:
        return str(text)


class AmazonContract:
    """Validates by operation; counts what it has seen."""

    def __init__(self) -> None:
        folder = next((one for one in _FOLDERS if (one / "models").is_dir()), None)
        self.present = folder is not None
        self.operations: Counter[str] = Counter()
        self.requests = 0
        self.failures: list[str] = []
        self.keys: defaultdict[str, set[str]] = defaultdict(set)
        self.routes: list[Operation] = []
        for name in _MODELS if folder is not None else ():
            model = json.loads((folder / "models" / f"{name}.json").read_text())
            definitions = _merged(model["definitions"])
            for path, item in model["paths"].items():
                for method in {"get", "post", "delete"} & set(item):
                    place = path.strip("/").split("/")
                    self.routes.append(Operation(method, place, item[method], definitions))

    def summary(self) -> str:
        if not self.present:
            return "Amazon contract: ../shared/contracts/amazon is absent, nothing was validated"
        return (
            f"Amazon contract: {len(self.operations)} operations, "
            f"{self.operations.total()} answers and {self.requests} requests validated, "
            f"{len(self.failures)} failures"
        )

    def exchange(self, method: str, answer: httpx.Response) -> None:
        """An answer by its operation and status; its request too, if it was accepted."""
        if not self.present:
            return
        operation = self._operation(method.lower(), answer.request.url.path)
        name = operation.spec["operationId"]
        self.operations[name] += 1
        if answer.is_success:
            self.requests += 1
            problems = operation.request_problems(answer.request)
        else:
            problems = operation.unknown_query(answer.request)
        if answer.status_code != 403:
            described = operation.spec["responses"].get(str(answer.status_code))
            if described is None:
                problems.append(f"{answer.status_code} is not described")
            elif "schema" in described:
                problems += operation.problems(described["schema"], answer.json())
        if answer.is_success and answer.content:
            self.keys[name] |= set(key_paths(answer.json()))
        self.failures += [f"{name} {answer.status_code}: {one}" for one in problems]
        assert not problems, self.failures

    def request(self, request: httpx.Request) -> None:
        """A request alone, whatever its answer was: its client has to keep to the contract."""
        if not self.present:
            return
        operation = self._operation(request.method.lower(), request.url.path)
        self.requests += 1
        problems = operation.request_problems(request)
        self.failures += [f"{operation.spec['operationId']} request: {one}" for one in problems]
        assert not problems, self.failures

    def _operation(self, method: str, path: str) -> Operation:
        parts = path.strip("/").split("/")
        found = [
            one
            for one in self.routes
            if one.method == method
            and len(one.place) == len(parts)
            and all(m == t or m.startswith("{") for m, t in zip(one.place, parts, strict=True))
        ]
        # `/subscriptions/{type}/testNotification` is named before `/subscriptions/{type}/{id}`.
        found.sort(key=lambda one: sum(part.startswith("{") for part in one.place))
        assert found, f"{method} {path} is in no model"
        return found[0]


CONTRACT = AmazonContract()
