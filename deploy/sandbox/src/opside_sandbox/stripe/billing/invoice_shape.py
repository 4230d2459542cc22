"""The invoice object, its sums, and how it is found again."""

from typing import Any

from opside_sandbox.stripe.clocks import now_of
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.world import World

_LINES_SHOWN = 10
_COPIED = ("address", "email", "name", "phone", "shipping", "tax_exempt")
SMALLEST_MINOR = {"usd": 50, "eur": 50, "cad": 50, "aud": 50, "gbp": 30, "jpy": 50}
"""Less than a card may be charged: carried over on the customer's balance."""


def new(world: World, customer: Document, lines: list[Document], **given: Any) -> Document:  # noqa: ANN401
    """A draft for this customer with these lines; not stored yet."""
    now, days = now_of(world, customer), given.pop("days_until_due", None)
    currency = given.get("currency") or customer["currency"] or "usd"
    invoice: Document = {
        "id": world.new_id("invoice"),
        "object": "invoice",
        **_blank(),
        "account_country": "US",
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "billing_reason": "manual",
        "collection_method": "charge_automatically",
        "created": now,
        "customer": customer["id"],
        **{f"customer_{name}": customer[name] for name in _COPIED},
        "issuer": {"type": "self"},
        "metadata": {},
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": now,
        "period_start": now,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "test_clock": customer["test_clock"],
        **given,
        "currency": currency,
        "_days_until_due": days,
    }
    add_lines(invoice, lines)
    estimate(invoice, customer)
    return invoice


def _blank() -> Document:
    """What a new invoice does not have yet, or never has here."""
    return {
        "account_name": None,
        "account_tax_ids": None,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_paid_off_stripe": 0,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": False,
        "automatically_finalizes_at": None,
        "custom_fields": None,
        "customer_account": None,
        "customer_tax_ids": [],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "due_date": None,
        "effective_at": None,
        "ending_balance": None,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "last_finalization_error": None,
        "latest_revision": None,
        "livemode": False,
        "next_payment_attempt": None,
        "number": None,
        "on_behalf_of": None,
        "parent": None,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": 0,
        "statement_descriptor": None,
        "webhooks_delivered_at": None,
        "_lines": [],
        "_intent": None,
    }


def add_lines(invoice: Document, lines: list[Document]) -> None:
    """Put lines onto a draft; `lines` shows the first ten."""
    known = [*invoice["_lines"], *({**line, "invoice": invoice["id"]} for line in lines)]
    set_lines(invoice, known)


def set_lines(invoice: Document, lines: list[Document]) -> None:
    """All lines, and the sums that follow from them."""
    total = sum(int(line["amount"]) for line in lines)
    invoice.update(
        _lines=lines,
        lines={
            "object": "list",
            "data": lines[:_LINES_SHOWN],
            "has_more": len(lines) > _LINES_SHOWN,
            "url": f"/v1/invoices/{invoice['id']}/lines",
        },
        subtotal=total,
        subtotal_excluding_tax=total,
        total=total,
        total_discount_amounts=[],
        total_excluding_tax=total,
        total_pretax_credit_amounts=[],
        total_taxes=[],
    )


def estimate(invoice: Document, customer: Document) -> int:
    """Set what is due after the customer's balance (negative: credit); answers the new balance."""
    start, total = int(customer["balance"]), int(invoice["total"])
    due = max(0, total + start) if total >= 0 else 0
    if due < SMALLEST_MINOR.get(invoice["currency"], 1):
        due = 0
    end = start + total - due
    invoice.update(
        starting_balance=start, amount_due=due, amount_remaining=due - invoice["amount_paid"]
    )
    return end


def subscription_of(world: World, invoice: Document) -> Document | None:
    """The subscription that the invoice belongs to."""
    parent = invoice["parent"]
    if parent is None:
        return None
    return world.get("subscription", parent["subscription_details"]["subscription"])


def subscription_parent(subscription: Document) -> Document:
    """`parent` of a subscription's invoice."""
    return {
        "quote_details": None,
        "subscription_details": {
            "metadata": subscription["metadata"],
            "subscription": subscription["id"],
        },
        "type": "subscription_details",
    }
