"""Checks every Gmail exchange against Google's discovery document.

The document lives outside the repository (../shared/contracts/gmail); python's
google-api-python-client carries the same file. Where neither is there, the checks do nothing and
`summary` says so.
"""

import importlib.util
import json
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs

_NAME = "gmail.v1.json"
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
        query = {one for one, each in method["parameters"].items() if each["location"] == "query"}
        names = set(answer.request.url.params)
        problems = [f"unknown query {one}" for one in names - query - self._common]
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
