"""All that Billing adds to the program: operations, jobs, pages, and the events it follows."""

from collections.abc import Callable

from fastapi import APIRouter

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe.billing import (
    checking_out,
    checkout,
    due,
    ending,
    invoice_items,
    invoice_payments,
    invoices,
    portal,
    portal_acts,
    portal_configurations,
    prices,
    products,
    settling,
    subscriptions,
    test_clocks,
    timeline,
)
from opside_sandbox.stripe.billing.pages import checkout_page, portal_page
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.events import Follower
from opside_sandbox.stripe.jobs import Job
from opside_sandbox.stripe.world import World

OPERATIONS = [
    operation
    for module in (
        checkout,
        invoice_items,
        invoice_payments,
        invoices,
        portal,
        portal_configurations,
        prices,
        products,
        subscriptions,
        test_clocks,
    )
    for operation in module.OPERATIONS
]
INDEXED = ("_secret", "event", "invoice", "lookup_key", "product", "test_clock")
JOBS: dict[str, Job] = {
    timeline.JOB: due.catch_up,
    test_clocks.JOB: test_clocks.finish,
    checking_out.EXPIRE: checking_out.run_expiry,
}


def _paid(world: World, intent: Document) -> None:
    settling.intent_changed(world, intent)
    checking_out.intent_changed(world, intent)


def _card_saved(world: World, intent: Document) -> None:
    checking_out.intent_changed(world, intent)
    portal_acts.card_saved(world, intent)


FOLLOWERS: dict[str, Follower] = {
    "payment_intent.succeeded": _paid,
    "setup_intent.succeeded": _card_saved,
    "payment_intent.requires_action": settling.intent_changed,
    "payment_intent.payment_failed": settling.intent_changed,
    "customer.deleted": ending.end_all,
}


def routers(state: SandboxState, wake: Callable[[], None]) -> list[APIRouter]:
    """The pages."""
    return [page.router(state, wake) for page in (checkout_page, portal_page)]
