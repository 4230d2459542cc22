"""Disputes: opened by test cards, answered, judged; what they take and what comes back."""

import pytest
import stripe
from sandbox_process import until
from stripe_acts import customer_with, intent_for, onboarded, paid

DAY = 24 * 3600
FEE = 1500


def disputed(api, control, card="pm_card_createDispute", amount=5000):
    """A paid intent and its dispute."""
    intent = paid(api, amount, card)
    return intent, dispute_of(api, control, intent)


def dispute_of(api, control, intent):
    advance(control, 2)
    [dispute] = until(lambda: api.v1.disputes.list({"payment_intent": intent.id}).data)
    return dispute


def advance(control, seconds):
    control.post("/clock/advance", json={"seconds": seconds}).raise_for_status()


def usd(control):
    book = control.get("/stripe/books").json()
    assert book["unbalanced"] == 0
    return book["currencies"]["usd"]


def told(api, dispute):
    """The types of the dispute's events, oldest first."""
    known = api.v1.events.list({"types": ["charge.dispute.*"], "limit": 100}).data
    return [
        one.type.removeprefix("charge.dispute.")
        for one in reversed(known)
        if one.data.object.id == dispute.id
    ]


def answer(api, dispute, text):
    return api.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": text}})


def settled(api, control, dispute, status):
    advance(control, 2)
    return until(lambda: (known := api.v1.disputes.retrieve(dispute.id)).status == status and known)


def test_a_chargeback_takes_the_money_and_a_fee(api, control):
    before = usd_or_empty(control)
    intent, dispute = disputed(api, control)
    assert (dispute.status, dispute.reason, dispute.amount) == (
        "needs_response",
        "fraudulent",
        5000,
    )
    assert dispute.charge == intent.latest_charge
    assert not dispute.is_charge_refundable
    assert dispute.payment_method_details.card.case_type == "chargeback"
    [withdrawn] = dispute.balance_transactions
    assert (withdrawn.type, withdrawn.reporting_category) == ("adjustment", "dispute")
    assert (withdrawn.amount, withdrawn.fee, withdrawn.net) == (-5000, FEE, -5000 - FEE)
    assert api.v1.charges.retrieve(intent.latest_charge).disputed
    after = usd(control)
    assert after["disputes"] - before["disputes"] == 5000
    assert after["dispute_fees"] - before["dispute_fees"] == FEE
    assert after["sum"] == 0
    assert told(api, dispute) == ["created", "funds_withdrawn"]
    source = api.v1.balance_transactions.retrieve(withdrawn.id, {"expand": ["source"]}).source
    assert source.id == dispute.id


def usd_or_empty(control):
    known = control.get("/stripe/books").json()["currencies"]
    return known.get("usd", {"disputes": 0, "dispute_fees": 0})


def test_a_disputed_charge_is_not_refunded(api, control):
    intent, _ = disputed(api, control)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.refunds.create({"payment_intent": intent.id})
    assert caught.value.code == "charge_disputed"


def test_winning_evidence_brings_the_money_back(api, control):
    intent, dispute = disputed(api, control, "pm_card_createDisputeProductNotReceived")
    assert dispute.reason == "product_not_received"
    before = usd(control)
    sent = answer(api, dispute, "winning_evidence")
    assert sent.status == "under_review"
    assert (sent.evidence_details.has_evidence, sent.evidence_details.submission_count) == (True, 1)
    with pytest.raises(stripe.InvalidRequestError, match="under review"):
        answer(api, dispute, "losing_evidence")
    won = settled(api, control, dispute, "won")
    assert [one.net for one in won.balance_transactions] == [-5000 - FEE, 5000]
    assert won.is_charge_refundable
    assert usd(control)["platform_balance"] - before["platform_balance"] == 5000
    assert told(api, dispute) == [
        "created",
        "funds_withdrawn",
        "updated",
        "funds_reinstated",
        "closed",
    ]
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        answer(api, dispute, "winning_evidence")
    assert api.v1.refunds.create({"payment_intent": intent.id}).amount == 5000


def test_losing_evidence_brings_nothing_back(api, control):
    intent, dispute = disputed(api, control)
    answer(api, dispute, "losing_evidence")
    lost = settled(api, control, dispute, "lost")
    assert len(lost.balance_transactions) == 1
    assert told(api, dispute)[-1] == "closed"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.refunds.create({"payment_intent": intent.id})
    assert caught.value.code == "charge_disputed"


def test_other_evidence_waits_for_the_bank(api, control):
    _, dispute = disputed(api, control)
    answer(api, dispute, "He did receive it.")
    advance(control, 50 * DAY)
    assert api.v1.disputes.retrieve(dispute.id).status == "under_review"
    advance(control, 11 * DAY)
    settled(api, control, dispute, "lost")


def test_evidence_is_staged_until_it_is_submitted(api, control):
    _, dispute = disputed(api, control)
    with pytest.raises(stripe.InvalidRequestError, match="no evidence"):
        api.v1.disputes.update(dispute.id, {"submit": True})
    staged = api.v1.disputes.update(
        dispute.id,
        {
            "evidence": {"customer_name": "Jenny", "uncategorized_text": "winning_evidence"},
            "submit": False,
            "metadata": {"case": "7"},
        },
    )
    assert (staged.status, staged.evidence_details.submission_count) == ("needs_response", 0)
    assert staged.evidence_details.has_evidence
    marked = api.v1.disputes.update(dispute.id, {"metadata": {"seen": "1"}})
    assert marked.status == "needs_response"
    sent = api.v1.disputes.update(dispute.id, {"submit": True})
    assert (sent.status, sent.evidence.customer_name) == ("under_review", "Jenny")
    settled(api, control, dispute, "won")
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.disputes.update(dispute.id, {"evidence": {"receipt": "file_1"}})


def test_a_dispute_is_given_up(api, control):
    _, dispute = disputed(api, control)
    assert api.v1.disputes.close(dispute.id).status == "lost"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        api.v1.disputes.close(dispute.id)


def test_a_dispute_that_nobody_answers_is_lost(api, control):
    _, dispute = disputed(api, control)
    assert dispute.evidence_details.due_by > dispute.created
    advance(control, 11 * DAY)
    lost = settled(api, control, dispute, "lost")
    assert lost.evidence_details.past_due


def test_an_inquiry_takes_nothing_and_ends_with_a_full_refund(api, control):
    before = usd_or_empty(control)
    intent, inquiry = disputed(api, control, "pm_card_createDisputeInquiry")
    assert inquiry.status == "warning_needs_response"
    assert inquiry.payment_method_details.card.case_type == "inquiry"
    assert inquiry.balance_transactions == []
    assert usd(control)["disputes"] == before["disputes"]
    api.v1.refunds.create({"payment_intent": intent.id, "amount": 2000})
    assert api.v1.disputes.retrieve(inquiry.id).status == "warning_needs_response"
    api.v1.refunds.create({"payment_intent": intent.id})
    assert api.v1.disputes.retrieve(inquiry.id).status == "warning_closed"
    assert told(api, inquiry) == ["created", "closed"]


@pytest.mark.parametrize("text", ["winning_evidence", "losing_evidence"])
def test_an_answered_inquiry_is_closed(api, control, text):
    _, inquiry = disputed(api, control, "pm_card_createDisputeInquiry")
    assert answer(api, inquiry, text).status == "warning_under_review"
    assert settled(api, control, inquiry, "warning_closed").balance_transactions == []


def test_an_unanswered_inquiry_is_over_after_a_while(api, control):
    _, inquiry = disputed(api, control, "pm_card_createDisputeInquiry")
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.disputes.close(inquiry.id)
    advance(control, 11 * DAY)
    settled(api, control, inquiry, "warning_closed")


def test_an_inquiry_grows_into_a_chargeback_over_what_is_left(api, control):
    intent, inquiry = disputed(api, control, "pm_card_createDisputeInquiry")
    api.v1.refunds.create({"payment_intent": intent.id, "amount": 2000})
    answer(api, inquiry, "escalate_inquiry_evidence")
    grown = settled(api, control, inquiry, "needs_response")
    assert (grown.amount, grown.payment_method_details.card.case_type) == (3000, "chargeback")
    assert [one.amount for one in grown.balance_transactions] == [-3000]
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.refunds.create({"payment_intent": intent.id, "amount": 1})
    answer(api, inquiry, "winning_evidence")
    settled(api, control, inquiry, "won")


def test_a_chargeback_that_was_an_inquiry_has_a_deadline_of_its_own(api, control):
    _, inquiry = disputed(api, control, "pm_card_createDisputeInquiry")
    advance(control, 8 * DAY)
    answer(api, inquiry, "escalate_inquiry_evidence")
    grown = settled(api, control, inquiry, "needs_response")
    assert grown.evidence_details.due_by > inquiry.evidence_details.due_by
    control.post("/clock/advance", json={"seconds": 5 * DAY}).raise_for_status()
    until(lambda: len(deadlines(control, inquiry)) == 1)
    assert api.v1.disputes.retrieve(inquiry.id).status == "needs_response"


def deadlines(control, dispute):
    waiting = control.get("/stripe/jobs").json()["waiting"]
    return [
        one for one in waiting if (one["kind"], one["object"]) == ("dispute_deadline", dispute.id)
    ]


def test_authorized_money_is_disputed_only_when_it_is_captured(api, control):
    customer, method = customer_with(api, "pm_card_createDispute")
    intent = intent_for(api, customer, method, 5000, capture_method="manual")
    intent = api.v1.payment_intents.confirm(intent.id, {"off_session": True})
    advance(control, 10)
    assert api.v1.disputes.list({"charge": intent.latest_charge}).data == []
    api.v1.payment_intents.capture(intent.id, {"amount_to_capture": 4000})
    assert dispute_of(api, control, intent).amount == 4000


def test_a_dispute_of_a_connected_accounts_own_charge_is_its_own(api, control):
    account = onboarded(api)
    there = {"stripe_account": account.id}
    intent = api.v1.payment_intents.create(
        {
            "amount": 5000,
            "currency": "usd",
            "payment_method": "pm_card_createDispute",
            "confirm": True,
            "return_url": "https://app.test",
        },
        there,
    )
    advance(control, 2)
    [dispute] = until(lambda: api.v1.disputes.list(options=there).data)
    assert dispute.payment_intent == intent.id
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.disputes.retrieve(dispute.id)
    balance = api.v1.balance.retrieve(options=there)
    total = sum(one.amount for one in [*balance.available, *balance.pending])
    assert total == 5000 - 175 - 5000 - FEE
    assert usd(control)["connected_balances"][account.id] == total


@pytest.mark.parametrize("card", ["pm_card_radarBlock", "pm_card_riskLevelHighest"])
def test_a_charge_that_is_too_risky_is_blocked(api, card):
    customer, method = customer_with(api, card)
    intent = intent_for(api, customer, method)
    with pytest.raises(stripe.CardError) as caught:
        api.v1.payment_intents.confirm(intent.id, {"off_session": True})
    assert caught.value.error.decline_code == "fraudulent"
    outcome = api.v1.charges.retrieve(caught.value.error.charge).outcome
    assert (outcome.type, outcome.risk_level) == ("blocked", "highest")
    assert outcome.network_status == "not_sent_to_network"


def test_an_elevated_risk_is_only_told(api):
    intent = paid(api, 2000, "pm_card_riskLevelElevated")
    assert api.v1.charges.retrieve(intent.latest_charge).outcome.risk_level == "elevated"
