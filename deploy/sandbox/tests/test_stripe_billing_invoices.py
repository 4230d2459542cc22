"""Invoices by hand: drafted, finalized, paid, voided, given up; and the arithmetic of periods."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
import stripe
from billing_acts import DAY, advance, book_of, clock_at, payer, use_card
from hypothesis import given
from hypothesis import strategies as st

from opside_sandbox.stripe.billing.intervals import after, next_boundary, share


def draft(api, customer, *amounts, **more):
    """A draft with one line for each amount."""
    invoice = api.v1.invoices.create({"customer": customer.id, **more})
    for amount in amounts:
        api.v1.invoice_items.create(
            {
                "customer": customer.id,
                "invoice": invoice.id,
                "amount": amount,
                "currency": "usd",
                "description": "Audit",
            }
        )
    return api.v1.invoices.retrieve(invoice.id)


def test_an_invoice_is_drafted_finalized_and_paid(api, control):
    before = book_of(control)["charges_gross"]
    invoice = draft(api, payer(api), 1000, 500, description="June")
    assert (invoice.status, invoice.number, invoice.amount_due) == ("draft", None, 1500)
    opened = api.v1.invoices.finalize_invoice(
        invoice.id, {"expand": ["confirmation_secret", "payments.data.payment.payment_intent"]}
    )
    assert (opened.status, opened.amount_remaining) == ("open", 1500)
    [payment] = opened.payments.data
    assert payment.payment.payment_intent.amount == 1500
    assert payment.payment.payment_intent.client_secret == opened.confirmation_secret.client_secret
    paid = api.v1.invoices.pay(invoice.id)
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 1500, 0)
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        api.v1.invoices.pay(invoice.id)
    book = book_of(control)
    assert (book["charges_gross"] - before, book["sum"]) == (1500, 0)


def test_many_lines_are_shown_in_part(api):
    invoice = draft(api, payer(api), *([100] * 12))
    assert (len(invoice.lines.data), invoice.lines.has_more) == (10, True)
    assert len(api.v1.invoices.line_items.list(invoice.id, {"limit": 100}).data) == 12


def test_waiting_items_are_taken_up_or_left(api):
    customer = payer(api)
    price = api.v1.prices.create(
        {"currency": "usd", "unit_amount": 250, "product_data": {"name": "Page"}}
    )
    item = api.v1.invoice_items.create(
        {"customer": customer.id, "pricing": {"price": price.id}, "quantity": 3}
    )
    assert (item.amount, item.invoice) == (750, None)
    assert api.v1.invoices.create({"customer": customer.id}).total == 0
    taken = api.v1.invoices.create(
        {"customer": customer.id, "pending_invoice_items_behavior": "include"}
    )
    assert taken.total == 750
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.invoice_items.update(item.id, {"description": "x"})
    assert api.v1.invoices.delete(taken.id).deleted
    changed = api.v1.invoice_items.update(item.id, {"metadata": {"a": "1"}})
    assert (changed.invoice, changed.metadata["a"]) == (None, "1")
    assert api.v1.invoice_items.retrieve(item.id).metadata["a"] == "1"
    assert api.v1.invoice_items.delete(item.id).deleted


def test_an_automatic_invoice_goes_on_after_an_hour(api):
    clock = clock_at(api)
    customer = payer(api, test_clock=clock.id)
    invoice = draft(api, customer, 900, auto_advance=True)
    assert invoice.automatically_finalizes_at == invoice.created + 3600
    advance(api, clock, invoice.created + 3600)
    assert api.v1.invoices.retrieve(invoice.id).status == "paid"
    still = draft(api, customer, 900)
    advance(api, clock, invoice.created + 5 * DAY)
    assert api.v1.invoices.retrieve(still.id).status == "draft"
    api.v1.test_helpers.test_clocks.delete(clock.id)


def test_void_and_uncollectible(api):
    customer = payer(api, None)
    opened = api.v1.invoices.finalize_invoice(draft(api, customer, 700).id)
    lost = api.v1.invoices.mark_uncollectible(opened.id)
    assert lost.status == "uncollectible"
    assert lost.status_transitions.marked_uncollectible_at is not None
    use_card(api, customer.id, "pm_card_visa")
    assert api.v1.invoices.pay(opened.id).status == "paid"
    other = api.v1.invoices.finalize_invoice(draft(api, customer, 800).id)
    void = api.v1.invoices.void_invoice(other.id, {"expand": ["payments"]})
    assert (void.status, void.amount_remaining) == ("void", 0)
    [payment] = void.payments.data
    intent = api.v1.payment_intents.retrieve(payment.payment.payment_intent)
    assert (payment.status, intent.status) == ("canceled", "canceled")
    for act in (api.v1.invoices.pay, api.v1.invoices.void_invoice, api.v1.invoices.delete):
        with pytest.raises(stripe.InvalidRequestError):
            act(void.id)


def test_a_finalized_invoice_is_no_longer_edited(api):
    customer = payer(api)
    invoice = draft(api, customer, 700)
    api.v1.invoices.update(invoice.id, {"description": "May", "metadata": {"a": "1"}})
    opened = api.v1.invoices.finalize_invoice(invoice.id)
    assert (opened.description, opened.metadata["a"]) == ("May", "1")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.invoices.update(invoice.id, {"footer": "x"})
    assert caught.value.code == "invoice_not_editable"
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.invoice_items.create(
            {"customer": customer.id, "invoice": invoice.id, "amount": 1, "currency": "usd"}
        )
    outside = api.v1.invoices.pay(invoice.id, {"paid_out_of_band": True, "expand": ["payments"]})
    assert (outside.status, outside.amount_paid_off_stripe) == ("paid", 700)
    assert outside.payments.data[0].status == "canceled"


def test_credit_and_small_sums_live_on_the_customers_balance(api):
    customer = payer(api)
    credit = api.v1.invoices.finalize_invoice(draft(api, customer, -1000).id)
    assert (credit.status, credit.amount_due, credit.ending_balance) == ("paid", 0, -1000)
    partly = api.v1.invoices.finalize_invoice(draft(api, customer, 1600).id)
    assert (partly.starting_balance, partly.amount_due, partly.ending_balance) == (-1000, 600, 0)
    api.v1.invoices.void_invoice(partly.id)
    assert api.v1.customers.retrieve(customer.id).balance == -1000
    small = api.v1.invoices.finalize_invoice(draft(api, customer, 1030).id)
    assert (small.status, small.amount_due, small.ending_balance) == ("paid", 0, 30)
    assert api.v1.customers.retrieve(customer.id).balance == 30


@given(
    anchor=st.integers(0, 4_000_000_000),
    interval=st.sampled_from(["day", "week", "month", "year"]),
    count=st.integers(1, 3),
)
def test_boundaries_follow_one_another_without_gaps(anchor: int, interval: str, count: int):
    recurring = {"interval": interval, "interval_count": count}
    times = [after(anchor, recurring, steps) for steps in range(14)]
    assert times[0] == anchor
    for left, right in pairwise(times):
        assert left < right
        assert next_boundary(anchor, recurring, left) == right
        assert next_boundary(anchor, recurring, right - 1) == right
    if interval in {"month", "year"}:
        start = datetime.fromtimestamp(anchor, UTC)
        for time in times:
            found = datetime.fromtimestamp(time, UTC)
            assert found.time() == start.time()
            assert found.day == start.day or found.day in {28, 29, 30}


@given(
    amount=st.integers(0, 99_999_999),
    start=st.integers(0, 2**31),
    length=st.integers(1, 4 * 10**7),
    part=st.floats(0, 1),
)
def test_a_share_is_never_more_than_the_whole(amount: int, start: int, length: int, part: float):
    at = start + int(length * part)
    rest = share(amount, start, start + length, at)
    assert 0 <= rest <= amount
    assert abs(rest - amount * (start + length - at) / length) <= 0.5 + amount * 1e-9
    assert share(amount, start, start + length, start) == amount
    assert share(amount, start, start + length, start + length) == 0
