"""Checks every SP-API exchange against Amazon's own models.

The data lives outside the repository (../shared/contracts/amazon). Where it is absent the checks
do nothing, and `summary` says so.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs

_FOLDERS = [parent / "shared" / "contracts" / "amazon" for parent in Path(__file__).parents]
_MODELS = ("reports_2021-06-30", "sellers", "fbaInventory", "financesV0", "fulfillmentInboundV0")


def shared(*parts: str) -> Path | None:
    """A path below ../shared, if it is there."""
    found = (parent.joinpath("shared", *parts) for parent in Path(__file__).parents)
    return next((one for one in found if one.exists()), None)


class AmazonContract:
    """Validates by operation; counts what it has seen."""

    def __init__(self) -> None:
        folder = next((one for one in _FOLDERS if (one / "models").is_dir()), None)
        self.present = folder is not None
        self.operations: Counter[str] = Counter()
        self.failures: list[str] = []
        self._routes: list[tuple[str, list[str], dict[str, Any], dict[str, Any]]] = []
        for name in _MODELS if folder is not None else ():
            model = json.loads((folder / "models" / f"{name}.json").read_text())
            for path, item in model["paths"].items():
                for method in {"get", "post", "delete"} & set(item):
                    place = path.strip("/").split("/")
                    self._routes.append((method, place, item[method], model["definitions"]))

    def summary(self) -> str:
        if not self.present:
            return "Amazon contract: ../shared/contracts/amazon is absent, nothing was validated"
        return (
            f"Amazon contract: {len(self.operations)} operations, "
            f"{self.operations.total()} validations, {len(self.failures)} failures"
        )

    def exchange(self, method: str, answer: httpx.Response) -> None:
        """An answer by its operation and status; also the query's names."""
        if not self.present:
            return
        operation, definitions = self._operation(method.lower(), answer.request.url.path)
        name = operation["operationId"]
        self.operations[name] += 1
        known = {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}
        problems = [f"unknown query {key}" for key in answer.request.url.params if key not in known]
        schema = operation["responses"][str(answer.status_code)].get("schema")
        if schema is not None and answer.status_code != 403:
            whole = {**schema, "definitions": definitions}
            checker = jsonschema_rs.Draft4Validator(whole)
            problems += [str(one) for one in checker.iter_errors(answer.json())]
        self.failures += [f"{name} {answer.status_code}: {one}" for one in problems]
        assert not problems, self.failures

    def _operation(self, method: str, path: str) -> tuple[dict[str, Any], dict[str, Any]]:
        parts = path.strip("/").split("/")
        for verb, place, operation, definitions in self._routes:
            same = len(place) == len(parts) and all(
                mine == theirs or mine.startswith("{")
                for mine, theirs in zip(place, parts, strict=True)
            )
            if verb == method and same:
                return operation, definitions
        raise AssertionError(f"{method} {path} is in no model")


CONTRACT = AmazonContract()
