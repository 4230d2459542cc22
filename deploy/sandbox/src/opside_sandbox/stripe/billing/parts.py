"""All that Billing adds to the program: operations, jobs, indexes, and what it follows."""

from opside_sandbox.stripe.billing import (
    due,
    ending,
    invoice_items,
    invoice_payments,
    invoices,
    prices,
    products,
    settling,
    subscriptions,
    test_clocks,
    timeline,
)
from opside_sandbox.stripe.events import Follower
from opside_sandbox.stripe.jobs import Job

OPERATIONS = [
    operation
    for module in (
        invoice_items,
        invoice_payments,
        invoices,
        prices,
        products,
        subscriptions,
        test_clocks,
    )
    for operation in module.OPERATIONS
]
INDEXED = ("event", "invoice", "lookup_key", "product", "test_clock")
JOBS: dict[str, Job] = {timeline.JOB: due.catch_up, test_clocks.JOB: test_clocks.finish}
FOLLOWERS: dict[str, Follower] = {
    "payment_intent.succeeded": settling.intent_changed,
    "payment_intent.requires_action": settling.intent_changed,
    "payment_intent.payment_failed": settling.intent_changed,
    "customer.deleted": ending.end_all,
}
