"""The wire shapes of the source documents are accepted, and what is not ours is refused."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from opside_contracts.events import EVENT, RecoveryConfirmed
from opside_contracts.payments.messages import ChargeCommission, CommissionAccepted

CHARGE = {
    "userId": 123,
    "claimId": 456,
    "amountRecoveredCents": 10_000,
    "currency": "USD",
    "idempotencyKey": "k-1",
}


def test_the_charge_request_of_the_source_document_is_read() -> None:
    request = ChargeCommission.model_validate(CHARGE)
    assert request.user_id == "123"
    assert request.claim_id == "456"
    assert request.currency == "usd"


@pytest.mark.parametrize(
    "change",
    [
        {"amountRecoveredCents": 0},
        {"amountRecoveredCents": -1},
        {"amountRecoveredCents": "10000"},
        {"amountRecoveredCents": 100.5},
        {"currency": "dollars"},
        {"collection": "net"},
        {"claimId": ""},
        {"claimId": True},
        {"userId": "a\x00b"},
        {"platformFeeCents": 1},
    ],
)
def test_a_wrong_charge_request_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ChargeCommission.model_validate(CHARGE | change)


def test_an_event_survives_the_wire() -> None:
    event = RecoveryConfirmed(
        event_id="rcv_1:confirmed",
        occurred_at=datetime(2026, 11, 21, tzinfo=UTC),
        user_id="usr_1",
        recovery_id="5551",
        case_id="cas_1",
        claim_id="clm_1",
        claim_type="warehouse_lost",
        amount_minor=1999,
        currency="usd",
        quantity=1,
        approved_at=datetime(2026, 11, 20, tzinfo=UTC),
        billable=True,
        rule_version="2026-01",
    )
    assert EVENT.validate_json(event.model_dump_json(by_alias=True)) == event


def test_an_unknown_event_type_is_refused() -> None:
    with pytest.raises(ValidationError):
        EVENT.validate_python({"type": "recovery.dreamt", "eventId": "1", "userId": "usr_1"})


def test_an_answer_with_a_later_field_is_still_read() -> None:
    answer = CommissionAccepted.model_validate(
        {
            "transactionId": "txn_1",
            "status": "pending",
            "collection": "fee_only",
            "amountRecoveredCents": 100,
            "platformFeeCents": 20,
            "sellerPayoutCents": 80,
            "rateBp": 2000,
            "currency": "usd",
            "addedLater": True,
        }
    )
    assert answer.platform_fee_cents == 20
