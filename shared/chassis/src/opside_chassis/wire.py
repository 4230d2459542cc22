"""The base of every JSON body that crosses a process border."""

import unicodedata
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)
from pydantic.alias_generators import to_camel


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


class ApiModel(BaseModel):
    """Camel case on the wire, snake case in code; unknown fields are refused."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        str_max_length=10_000,
    )


class AnswerModel(ApiModel):
    """An answer read by another service: fields its sender adds later are ignored."""

    model_config = ConfigDict(extra="ignore")
