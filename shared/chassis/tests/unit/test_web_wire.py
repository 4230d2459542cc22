"""JSON bodies: names, strict numbers, plain texts."""

from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pytest
from pydantic import Field, ValidationError

from opside_chassis.wire import AnswerModel, ApiModel, Currency, MinorUnits, PlainText, Reference


class Colour(Enum):
    RED = "red"


class Part(ApiModel):
    unit_count: int


class Body(ApiModel):
    unit_count: int
    maybe: int | None = None
    many: tuple[int, ...] = ()
    by_name: dict[str, int] = Field(default_factory=dict)
    part: Part | None = None
    flag: bool = False
    when: datetime | None = None
    colour: Colour | None = None
    user_id: Reference = "u"
    amount: MinorUnits = 0
    currency: Currency = "usd"
    note: PlainText = ""


class Answer(AnswerModel):
    unit_count: int


@pytest.mark.parametrize(
    "wrong",
    [
        {"unitCount": "1"},
        {"unitCount": 1.0},
        {"unitCount": True},
        {"maybe": "1"},
        {"many": ["1"]},
        {"byName": {"a": "1"}},
        {"part": {"unitCount": "1"}},
        {"flag": "true"},
        {"flag": 1},
        {"amount": "1"},
        {"amount": -1},
        {"amount": 10**10},
        {"currency": "dollar"},
        {"userId": True},
        {"userId": 1.5},
        {"userId": ""},
        {"note": "a\x00"},
        {"note": "a\n"},
        {"unknown": 1},
        {"note": "x" * 10_001},
    ],
)
def test_what_a_body_may_not_hold(wrong: dict[str, Any]) -> None:
    good = {"unitCount": 1}
    Body.model_validate(good)
    with pytest.raises(ValidationError):
        Body.model_validate({**good, **wrong})


def test_dates_enums_and_references_come_as_json_has_them() -> None:
    body = Body.model_validate(
        {
            "unitCount": 1,
            "when": "2026-06-01T12:00:00Z",
            "colour": "red",
            "userId": 42,
            "currency": "EUR",
            "note": "e\u0301",
        }
    )
    assert body.when == datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert (body.colour, body.user_id, body.currency, body.note) == (Colour.RED, "42", "eur", "é")


def test_names_are_camel_case_on_the_wire_only() -> None:
    assert Body(unit_count=2).model_dump(by_alias=True)["unitCount"] == 2


def test_an_answer_may_grow_but_its_numbers_stay_strict() -> None:
    assert Answer.model_validate({"unitCount": 1, "later": 2}).unit_count == 1
    with pytest.raises(ValidationError):
        Answer.model_validate({"unitCount": "1"})
