"""Checks every Gmail exchange against Google's discovery document.

The document lives outside the repository (../shared/contracts/gmail); python's
google-api-python-client carries the same file. Where neither is there, the checks do nothing and
`summary` says so.
"""

import importlib.util
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs

_NAME = "gmail.v1.json"
_WRITTEN = {"integer": r"\d+", "boolean": "true|false"}
"""How a query writes a value of a type."""
_ERROR = {
    "type": "object",
    "required": ["code", "message", "errors", "status"],
    "properties": {
        "code": {"type": "integer"},
        "message": {"type": "string"},
        "status": {"type": "string"},
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "required": ["message", "domain", "reason"]},
        },
    },
}


def _document() -> Path | None:
    places = [parent / "shared/contracts/gmail" / _NAME for parent in Path(__file__).parents]
    client = importlib.util.find_spec("googleapiclient")
    folders = (client.submodule_search_locations or []) if client else []
    places += [Path(folder) / "discovery_cache/documents" / _NAME for folder in folders]
    return next((one for one in places if one.exists()), None)


def _closed(schema: Any) -> Any:
    """A discovery schema as JSON Schema that refuses unknown properties."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: {name: _closed(one) for name, one in value.items()}
        if key == "properties"
        else _closed(value)
        for key, value in schema.items()
        if key in {"type", "properties", "items", "enum"}
    }
    if "$ref" in schema:
        return {"$ref": f"#/definitions/{schema['$ref']}"}
    if "properties" in schema:
        kept["additionalProperties"] = False
    if schema.get("format") in {"int64", "uint64"} and schema["type"] == "string":
        kept["pattern"] = r"^-?\d+$"
    if schema.get("format") == "byte":
        kept["pattern"] = r"^[A-Za-z0-9_-]*=*$"
    return kept


class GmailContract:
    """Validates by method; counts what it has seen."""

    def __init__(self) -> None:
        path = _document()
        self.present = path is not None
        self.operations: Counter[str] = Counter()
        self.failures: list[str] = []
        self.methods: list[dict[str, Any]] = []
        self._common: set[str] = set()
        if path is not None:
            document = json.loads(path.read_text())
            self._common = set(document["parameters"])
            self._definitions = {
                name: _closed(schema) for name, schema in document["schemas"].items()
            }
            self._collect(document["resources"])

    def _collect(self, resources: dict[str, Any]) -> None:
        for resource in resources.values():
            self.methods += resource.get("methods", {}).values()
            self._collect(resource.get("resources", {}))

    def summary(self) -> str:
        if not self.present:
            return "Gmail contract: ../shared/contracts/gmail is absent, nothing was validated"
        return (
            f"Gmail contract: {len(self.operations)} operations, "
            f"{self.operations.total()} validations, {len(self.failures)} failures"
        )

    def exchange(self, answer: httpx.Response) -> None:
        """The request's parameters and the answer's body."""
        if not self.present:
            return
        method = self._method(answer.request.method, answer.request.url.path)
        name = method["id"]
        self.operations[name] += 1
        problems = self._query_problems(method, answer.request)
        if answer.status_code == 200:
            schema, body = {"$ref": f"#/definitions/{method['response']['$ref']}"}, answer.json()
        else:
            schema, body = _ERROR, answer.json()["error"]
            if answer.status_code == 400:
                problems = []
        whole = {**schema, "definitions": self._definitions}
        checker = jsonschema_rs.Draft7Validator(whole)
        problems += [str(one) for one in checker.iter_errors(body)]
        self.failures += [f"{name} {answer.status_code}: {one}" for one in problems]
        assert not problems, self.failures

    def request(self, request: httpx.Request) -> None:
        """A request alone, whatever its answer was: its client has to keep to the contract."""
        if not self.present:
            return
        method = self._method(request.method, request.url.path)
        problems = self._query_problems(method, request)
        self.failures += [f"{method['id']} request: {one}" for one in problems]
        assert not problems, self.failures

    def _query_problems(self, method: dict[str, Any], request: httpx.Request) -> list[str]:
        known = {k: one for k, one in method["parameters"].items() if one["location"] == "query"}
        problems = [
            f"unknown query {name}" for name in set(request.url.params) - set(known) - self._common
        ]
        for name, one in known.items():
            given = request.url.params.get_list(name)
            pattern = _WRITTEN.get(one["type"], ".*")
            if len(given) > 1 and not one.get("repeated"):
                problems.append(f"query {name} is repeated")
            if any(not re.fullmatch(pattern, text, re.DOTALL) for text in given):
                problems.append(f"query {name} is no {one['type']}: {given}")
            if one.get("required") and not given:
                problems.append(f"query {name} is missing")
        return problems

    def _method(self, verb: str, path: str) -> dict[str, Any]:
        parts = path.strip("/").split("/")
        for method in self.methods:
            place = method["path"].split("/")
            same = len(place) == len(parts) and all(
                mine == theirs or mine.startswith("{")
                for mine, theirs in zip(place, parts, strict=True)
            )
            if method["httpMethod"] == verb and same:
                return method
        raise AssertionError(f"{verb} {path} is in no method of the document")


CONTRACT = GmailContract()
