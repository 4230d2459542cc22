"""The base of every JSON body that crosses a process border."""

import unicodedata
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StringConstraints,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema


def _plain_text(text: str) -> str:
    """Normalise to NFC and refuse control characters (facts/money-safety.md section 9)."""
    if any(unicodedata.category(char) == "Cc" for char in text):
        raise ValueError("must not contain control characters")
    return unicodedata.normalize("NFC", text)


PlainText = Annotated[str, AfterValidator(_plain_text)]
"""Text as people write it: NFC, no control characters."""

Currency = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[A-Za-z]{3}$")]
"""ISO 4217 code; stored and answered in lower case, as Stripe does."""


def _external_reference(value: object) -> object:
    """Accept the JSON integers of the older documents and keep them as text (ruling R6)."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Reference = Annotated[
    PlainText,
    BeforeValidator(_external_reference),
    StringConstraints(min_length=1, max_length=200),
]
"""An opaque id of another service: integers and strings are accepted and kept as text."""

MinorUnits = Annotated[int, Field(strict=True, ge=0, le=9_999_999_999)]
"""A non-negative amount in the currency's smallest unit."""


def _strict_numbers(schema: object) -> None:
    """Make every integer and boolean of a core schema strict, however deep it is nested."""
    if isinstance(schema, dict):
        if schema.get("type") in (
            "int",
            "bool",
        ):  # a field may be named "type": its value is a dict
            schema["strict"] = True
        for part in schema.values():
            _strict_numbers(part)
    elif isinstance(schema, list | tuple):
        for part in schema:
            _strict_numbers(part)


class ApiModel(BaseModel):
    """Camel case on the wire, snake case in code; unknown fields are refused.

    Integers and booleans are strict: `"12"`, `12.0` and `true` are no integers. `strict=True` for
    the whole model would also refuse the texts that dates and enums are in JSON. For a model of
    query parameters, which are all texts, take a plain `BaseModel`.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        str_max_length=10_000,
    )

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler, /
    ) -> CoreSchema:
        """Build the schema as pydantic does, then tighten its numbers."""
        schema = handler(source)
        _strict_numbers(schema)
        return schema


class AnswerModel(ApiModel):
    """An answer read by another service: fields its sender adds later are ignored."""

    model_config = ConfigDict(extra="ignore")
