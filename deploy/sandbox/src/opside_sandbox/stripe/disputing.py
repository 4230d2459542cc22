"""The life of a dispute: opened by a test card, answered with evidence, judged by the bank.

A chargeback takes the money and a fee at once; an inquiry (`warning_…`) takes nothing unless it
grows into a chargeback. The bank's answer follows from `evidence[uncategorized_text]`, in the
words of Stripe's testing page; it answers any other evidence after sixty days, with `lost`.
"""

from datetime import UTC, datetime

from opside_sandbox.stripe import book, charges, jobs
from opside_sandbox.stripe.balance import record as record_balance
from opside_sandbox.stripe.cards import DisputeKind
from opside_sandbox.stripe.errors import Document, StripeError, invalid
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.payment_methods import card_of
from opside_sandbox.stripe.world import World

FEE_MINOR = 1500
WINNING, LOSING, ESCALATING = "winning_evidence", "losing_evidence", "escalate_inquiry_evidence"
_ANSWER_DAYS = 9
_BANK_SECONDS = 1.0
_SLOW_BANK_SECONDS = 60 * 24 * 3600.0
_DAY_SECONDS = 24 * 3600
ANSWERABLE = {"needs_response", "warning_needs_response"}
_TAKEN = {"needs_response", "under_review", "lost"}

TEXTS = (
    "access_activity_log", "billing_address", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_email_address", "customer_name", "customer_purchase_ip",
    "duplicate_charge_explanation", "duplicate_charge_id", "product_description",
    "refund_policy_disclosure", "refund_refusal_explanation", "service_date", "shipping_address",
    "shipping_carrier", "shipping_date", "shipping_tracking_number", "uncategorized_text",
)  # fmt: skip
_FILES = (
    "cancellation_policy", "customer_communication", "customer_signature",
    "duplicate_charge_documentation", "receipt", "refund_policy", "service_documentation",
    "shipping_documentation", "uncategorized_file",
)  # fmt: skip


def open_for(world: World, charge_id: str) -> None:
    """The card holder disputes what is left of the charge."""
    charge = charges.settle(world, charge_id)
    method = world.need("payment_method", charge["payment_method"])
    kind, left = card_of(method).dispute, charge["amount"] - charge["amount_refunded"]
    if kind is None or left <= 0:
        return
    dispute = _build(world, charge, left, kind)
    world.save(dispute)
    before = dict(charge)
    charge["disputed"] = True
    world.save(charge)
    emit(world, "charge.updated", charge, before=before)
    _await_answer(world, dispute)
    emit(world, "charge.dispute.created", dispute)
    if not kind.inquiry:
        _withdraw(world, dispute)


def _build(world: World, charge: Document, amount_minor: int, kind: DisputeKind) -> Document:
    return {
        "id": world.new_id("dispute"),
        "object": "dispute",
        "amount": amount_minor,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": world.now(),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys((*TEXTS, *_FILES)), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": _deadline(world),
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": kind.inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": charge["payment_method_details"]["card"]["brand"],
                "case_type": "inquiry" if kind.inquiry else "chargeback",
                "network_reason_code": kind.network_code,
            },
            "type": "card",
        },
        "reason": kind.reason,
        "status": "warning_needs_response" if kind.inquiry else "needs_response",
    }


def _deadline(world: World) -> int:
    """The last second of a day."""
    last = datetime.fromtimestamp(world.now() + _ANSWER_DAYS * _DAY_SECONDS, UTC)
    return int(last.replace(hour=23, minute=59, second=59).timestamp())


def _await_answer(world: World, dispute: Document) -> None:
    seconds = dispute["evidence_details"]["due_by"] - world.now() + 1
    jobs.later(world, "dispute_deadline", dispute["id"], seconds=seconds)


def _withdraw(world: World, dispute: Document) -> None:
    _move(world, "dispute", dispute, -dispute["amount"], FEE_MINOR)
    world.save(dispute)
    emit(world, "charge.dispute.funds_withdrawn", dispute)


def _move(world: World, kind: str, dispute: Document, amount_minor: int, fee_minor: int) -> None:
    withdrawn = amount_minor < 0
    what = "withdrawal" if withdrawn else "reversal"
    transaction = record_balance(
        world,
        "adjustment",
        amount_minor,
        source={**dispute, "description": f"Chargeback {what} for {dispute['charge']}"},
        fee_minor=fee_minor,
        category="dispute" if withdrawn else "dispute_reversal",
    )
    dispute["balance_transactions"] = [*dispute["balance_transactions"], transaction]
    book.post(
        world,
        kind,
        reference=dispute["id"],
        currency=dispute["currency"],
        moves={
            book.balance_of(world): amount_minor - fee_minor,
            book.CUSTOMERS: -amount_minor,
            book.DISPUTE_FEES: fee_minor,
        },
    )


def answer(world: World, dispute: Document, evidence: Document, *, submit: bool) -> None:
    """Stage evidence, or send it to the bank, which decides later. Raises when it is too late."""
    if dispute["status"] not in ANSWERABLE:
        raise closed(dispute)
    dispute["evidence"] = {**dispute["evidence"], **evidence}
    given = any(dispute["evidence"][name] for name in TEXTS)
    details = dispute["evidence_details"] = {**dispute["evidence_details"], "has_evidence": given}
    if not submit:
        return
    if not given:
        raise invalid("There is no evidence to submit.", param="submit")
    inquiry = dispute["status"] == "warning_needs_response"
    dispute["status"] = "warning_under_review" if inquiry else "under_review"
    details["submission_count"] += 1
    known = dispute["evidence"]["uncategorized_text"] in {WINNING, LOSING, ESCALATING}
    seconds = _BANK_SECONDS if known else _SLOW_BANK_SECONDS
    jobs.later(world, "judge_dispute", dispute["id"], seconds=seconds)


def closed(dispute: Document) -> StripeError:
    """400: the dispute waits for nothing from us any more."""
    if dispute["status"] in {"under_review", "warning_under_review"}:
        return invalid("This dispute is already under review: evidence can be submitted once.")
    return invalid("This dispute is already closed")


def judge(world: World, dispute_id: str) -> None:
    """What the bank says to the evidence."""
    dispute = world.need("dispute", dispute_id)
    text = dispute["evidence"]["uncategorized_text"]
    if dispute["status"] == "warning_under_review":
        if text == ESCALATING:
            _escalate(world, dispute)
        else:
            end(world, dispute, "warning_closed")
    elif dispute["status"] == "under_review":
        end(world, dispute, "won" if text == WINNING else "lost")


def _escalate(world: World, dispute: Document) -> None:
    """The inquiry becomes a chargeback over what is left of the charge, to be answered anew."""
    before = dict(dispute)
    charge = world.need("charge", dispute["charge"])
    card = {**dispute["payment_method_details"]["card"], "case_type": "chargeback"}
    dispute.update(
        amount=charge["amount"] - charge["amount_refunded"],
        status="needs_response",
        is_charge_refundable=False,
        payment_method_details={**dispute["payment_method_details"], "card": card},
        evidence_details={**dispute["evidence_details"], "due_by": _deadline(world)},
    )
    world.save(dispute)
    _await_answer(world, dispute)
    emit(world, "charge.dispute.updated", dispute, before=before)
    _withdraw(world, dispute)


def deadline(world: World, dispute_id: str) -> None:
    """Nobody answered: a chargeback is lost, an inquiry is over."""
    dispute = world.need("dispute", dispute_id)
    details = dispute["evidence_details"]
    if dispute["status"] not in ANSWERABLE or details["due_by"] >= world.now():
        return
    dispute["evidence_details"] = {**details, "past_due": True}
    inquiry = dispute["status"] == "warning_needs_response"
    end(world, dispute, "warning_closed" if inquiry else "lost")


def end(world: World, dispute: Document, status: str) -> None:
    """Won, lost or warning_closed. What was taken comes back with `won`; the fee does not."""
    dispute["status"] = status
    if status == "won":
        _move(world, "dispute_reinstated", dispute, dispute["amount"], 0)
        dispute["is_charge_refundable"] = True
    world.save(dispute)
    if status == "won":
        emit(world, "charge.dispute.funds_reinstated", dispute)
    emit(world, "charge.dispute.closed", dispute)


def of(world: World, charge: Document) -> list[Document]:
    """The charge's disputes."""
    return world.state.store.list(world.collection("dispute"), charge=charge["id"])


def has_taken(world: World, charge: Document) -> bool:
    """Does a chargeback hold the charge's money? Then it cannot be refunded as well."""
    return any(one["status"] in _TAKEN for one in of(world, charge))


def refunded(world: World, charge: Document) -> None:
    """A full refund ends an inquiry."""
    for one in of(world, charge):
        if charge["refunded"] and one["status"] in {
            "warning_needs_response",
            "warning_under_review",
        }:
            end(world, one, "warning_closed")
