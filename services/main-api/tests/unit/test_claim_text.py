"""What a claim says to Amazon: facts of the loss, never the judgement that is for the seller."""

from datetime import date

import pytest

from main_api.case_facts.facts import Facts
from main_api.filings.claim_text import claim_text, field_sheet

EXPLANATION = {
    "arithmetic": "425 booked - 306 usual = 119",
    "confidence_because": "look at the case before filing",
    "window": "practitioners say so",
    "valuation": "fee_difference",
}


def facts(claim_type: str) -> Facts:
    return Facts(
        case_id="cas_1",
        claim_id="clm_1",
        claim_type=claim_type,
        fnsku="X001",
        sku="SKU-1",
        order_id="",
        reference_id="5001",
        quantity=2,
        event_date=date(2026, 9, 15),
        opens_on=date(2026, 9, 20),
        deadline=date(2026, 12, 14),
        value_minor=119,
        currency="usd",
        confidence_bp=6000,
        rule_version="1",
        explanation=dict(EXPLANATION),
    )


def test_the_sellers_own_doubts_are_not_told_to_amazon() -> None:
    for shown in (claim_text(facts("reversal"), 0), str(field_sheet(facts("reversal")))):
        assert "425 booked - 306 usual = 119" in shown
        for name in ("confidence_because", "window", "valuation"):
            assert EXPLANATION[name] not in shown


@pytest.mark.parametrize("claim_type", ["fee_overcharge", "underpaid", "reversal"])
def test_where_only_money_is_owed_the_difference_is_asked_for(claim_type: str) -> None:
    text = claim_text(facts(claim_type), 0)
    assert "Please pay the difference at 1.19 USD." in text
    assert "According to our reports" not in text


def test_where_units_are_missing_they_are_asked_for() -> None:
    text = claim_text(facts("inbound_shortage"), 0)
    assert "not received into our inventory on 15 September 2026." in text
    assert "neither found nor reimbursed" in text
    assert "Please reimburse 2 units at 1.19 USD." in text
