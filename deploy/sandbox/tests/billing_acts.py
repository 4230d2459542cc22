"""Short ways into Billing: a price, a customer who can pay, a test clock."""

from typing import Any

import stripe
from sandbox_process import until

START = 1_893_456_000
"""1 January 2030, 00:00 UTC: where the tests' clocks start."""
DAY = 24 * 3600


def monthly(api: stripe.StripeClient, amount: int = 2000, name: str = "Pro", **more: Any) -> Any:
    """A monthly price."""
    return api.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": amount,
            "recurring": {"interval": "month"},
            "product_data": {"name": name},
            **more,
        }
    )


def payer(api: stripe.StripeClient, card: str | None = "pm_card_visa", **more: Any) -> Any:
    """A customer with a default card."""
    customer = api.v1.customers.create({"email": "payer@example.com", **more})
    if card is not None:
        use_card(api, customer.id, card)
    return customer


def use_card(api: stripe.StripeClient, customer_id: str, card: str) -> Any:
    """Attach a card and make it the default."""
    method = api.v1.payment_methods.attach(card, {"customer": customer_id})
    settings = {"invoice_settings": {"default_payment_method": method.id}}
    api.v1.customers.update(customer_id, settings)
    return method


def subscribe(api: stripe.StripeClient, customer: Any, price: Any, **more: Any) -> Any:
    """A subscription of one item, with its first invoice inside."""
    return api.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price.id}],
            "expand": ["latest_invoice.confirmation_secret", "latest_invoice.payments"],
            **more,
        }
    )


def clock_at(api: stripe.StripeClient, time: int = START) -> Any:
    """A test clock."""
    return api.v1.test_helpers.test_clocks.create({"frozen_time": time, "name": "tests"})


def advance(api: stripe.StripeClient, clock: Any, time: int) -> Any:
    """Move a test clock and wait until it is ready."""
    moving = api.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": time})
    assert moving.status == "advancing"

    def ready() -> Any:
        found = api.v1.test_helpers.test_clocks.retrieve(clock.id)
        return found if found.status == "ready" else None

    found = until(ready)
    assert found.frozen_time == time
    return found


def invoices(api: stripe.StripeClient, subscription: Any, **more: Any) -> list[Any]:
    """The subscription's invoices, the newest first."""
    return api.v1.invoices.list({"subscription": subscription.id, "limit": 100, **more}).data


def book_of(control: Any) -> dict[str, Any]:
    """The dollars of the sandbox's own book."""
    book = control.get("/stripe/books").json()
    assert book["unbalanced"] == 0
    return book["currencies"].get("usd", {"charges_gross": 0, "sum": 0})
