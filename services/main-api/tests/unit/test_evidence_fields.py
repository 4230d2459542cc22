"""Fields have one form in which they are stored, whoever wrote them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from main_api.evidence.errors import WrongField
from main_api.evidence.rules import DOCUMENT_FIELDS, LINE_FIELDS, checked_value

NAMES = sorted({*DOCUMENT_FIELDS, *LINE_FIELDS, "nonsense"})


@given(st.integers(-1, 501), st.sampled_from(NAMES), st.text(max_size=320))
def test_a_value_is_refused_or_stored_in_a_form_that_is_accepted_again(
    line_no: int, name: str, value: str
) -> None:
    try:
        stored = checked_value(line_no, name, value)
    except WrongField:
        return
    assert stored is not None
    assert checked_value(line_no, name, stored) == stored
    assert "\n" not in stored
    assert 0 < len(stored) <= 300


@pytest.mark.parametrize(
    ("line_no", "name", "written", "stored"),
    [
        (1, "quantity", " 007 ", "7"),
        (1, "unit_cost_minor", "0", "0"),
        (0, "supplier", " Acme  GmbH ", "Acme  GmbH"),
        (0, "invoice_date", "2026-02-28", "2026-02-28"),
    ],
)
def test_values_are_stored_in_one_form(line_no: int, name: str, written: str, stored: str) -> None:
    assert checked_value(line_no, name, written) == stored


@pytest.mark.parametrize(
    ("line_no", "name", "written"),
    [
        (0, "supplier", "Acme\u202eGmbH"),
        (0, "supplier", ""),
        (1, "quantity", "٣"),
        (1, "quantity", "10000000000"),
        (0, "invoice_date", "2026-02-29"),
        (501, "quantity", "1"),
    ],
)
def test_other_forms_are_refused(line_no: int, name: str, written: str) -> None:
    with pytest.raises(WrongField):
        checked_value(line_no, name, written)
