"""Charges: what a card was asked for, and what became of it."""

from opside_sandbox.stripe import book, jobs
from opside_sandbox.stripe.balance import PENDING_SECONDS, processing_fee
from opside_sandbox.stripe.balance import record as record_balance
from opside_sandbox.stripe.cards import Decline, TestCard
from opside_sandbox.stripe.errors import Document, invalid
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.fields import clearable, metadata, text
from opside_sandbox.stripe.listing import CREATED, PAGE, page
from opside_sandbox.stripe.payment_methods import EXPIRY, card_of, fingerprint
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World, merge_metadata, take

HELD_SECONDS = 7 * 24 * 3600
"""How long an authorization waits for its capture."""

_DISPUTE_SECONDS = 1.0


def build(world: World, intent: Document, method: Document, decline: Decline | None) -> Document:
    """The charge of one try on an intent; captured unless the intent captures by hand."""
    card = card_of(method)
    captured = decline is None and intent["capture_method"] != "manual"
    details = _card(world, card, intent["amount"])
    if decline is None and not captured:
        details["capture_before"] = world.now() + HELD_SECONDS
    return {
        "id": world.new_id("charge"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if captured else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "OPSIDE SANDBOX",
        "captured": captured,
        "created": world.now(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": _outcome(card, decline),
        "paid": decline is None,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {
            "card": details,
            "type": "card",
        },
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": intent["shipping"],
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "failed" if decline else "succeeded",
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }


_APPROVED = {
    "network_status": "approved_by_network",
    "seller_message": "Payment complete.",
    "type": "authorized",
}
_REFUSED = {
    "network_status": "declined_by_network",
    "seller_message": "The bank did not return any further details with this decline.",
    "type": "issuer_declined",
}
_BLOCKED = {
    "network_status": "not_sent_to_network",
    "seller_message": "Stripe blocked this payment as too risky.",
    "type": "blocked",
}
_RISK_SCORES = {"normal": 32, "elevated": 67, "highest": 92}


def _outcome(card: TestCard, decline: Decline | None) -> Document:
    """What the bank said, or Radar before it."""
    risk = {"risk_level": card.risk, "risk_score": _RISK_SCORES[card.risk]}
    codes: Document = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
    }
    if decline is None:
        return {**codes, **risk, **_APPROVED, "reason": None}
    blocked = card.risk == "highest"
    codes.update(advice_code=decline.advice, network_decline_code=decline.network_code)
    reason = "highest_risk_level" if blocked else decline.decline_code
    return {**codes, **risk, **(_BLOCKED if blocked else _REFUSED), "reason": reason}


def _card(world: World, card: TestCard, amount_minor: int) -> Document:
    return {
        "amount_authorized": amount_minor,
        "authorization_code": None,
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": "US",
        "exp_month": EXPIRY[0],
        "exp_year": EXPIRY[1],
        "extended_authorization": {"status": "disabled"},
        "fingerprint": fingerprint(world, card),
        "funding": "credit",
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card.last4,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card.brand,
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": amount_minor, "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": None,
        "wallet": None,
    }


def collect(world: World, charge: Document) -> None:
    """The captured money moves: the card holder's becomes the platform's, less the fee.

    The holders of some test cards dispute it a moment later.
    """
    method = world.need("payment_method", charge["payment_method"])
    if card_of(method).dispute is not None:
        jobs.later(world, "open_dispute", charge["id"], seconds=_DISPUTE_SECONDS)
    amount, fee = charge["amount_captured"], processing_fee(charge["amount_captured"])
    book.post(
        world,
        "charge",
        reference=charge["id"],
        currency=charge["currency"],
        moves={
            book.CUSTOMERS: -amount,
            book.balance_of(world): amount - fee,
            book.FEES: fee,
        },
    )


def settle(world: World, charge_id: str) -> Document:
    """Write the charge's balance transaction, if it has none yet, and tell (charge.updated)."""
    charge = world.need("charge", charge_id)
    if charge["balance_transaction"] is not None or not charge["captured"]:
        return charge
    before = dict(charge)
    give_balance_transaction(world, charge)
    emit(world, "charge.updated", charge, before=before)
    return charge


def give_balance_transaction(world: World, charge: Document) -> None:
    """With `automatic_async` capture this happens a moment after the answer."""
    amount = charge["amount_captured"]
    method = world.need("payment_method", charge["payment_method"])
    wait = 0 if card_of(method).settles_at_once else PENDING_SECONDS
    transaction = record_balance(
        world,
        "charge",
        amount,
        source=charge,
        available_on=world.now() + wait,
        fee_minor=processing_fee(amount),
    )
    charge["balance_transaction"] = transaction["id"]
    world.save(charge)


def _retrieve(world: World, ask: Ask) -> Document:
    return shown(world, world.need("charge", ask.path["charge"], param="charge"))


def _update(world: World, ask: Ask) -> Document:
    charge = world.need("charge", ask.path["charge"], param="charge")
    before = dict(charge)
    group = ask.get("transfer_group")
    if group and charge["transfer_group"] not in {None, group}:
        raise invalid("The transfer_group of a charge cannot be changed.", param="transfer_group")
    take(charge, ask.params, "description", "receipt_email", "transfer_group")
    charge["metadata"] = merge_metadata(charge["metadata"], ask.params)
    world.save(charge)
    if charge != before:
        emit(world, "charge.updated", charge, before=before)
    return shown(world, charge)


def _list(world: World, ask: Ask) -> Document:
    return page(world, ask, "charge", url="/v1/charges")


OPERATIONS = [
    Operation("GET", "/v1/charges/{charge}", "charges.retrieve", _retrieve),
    Operation(
        "POST",
        "/v1/charges/{charge}",
        "charges.update",
        _update,
        fields={
            "description": clearable(text),
            "metadata": metadata,
            "receipt_email": text,
            "transfer_group": text,
        },
    ),
    Operation(
        "GET",
        "/v1/charges",
        "charges.list",
        _list,
        fields={
            **PAGE,
            **CREATED,
            "customer": text,
            "payment_intent": text,
            "transfer_group": text,
        },
    ),
]
