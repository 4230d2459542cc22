"""What happens to a subscription whose last retry failed: an account setting at Stripe."""

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe.billing import ending, standing
from opside_sandbox.stripe.billing.invoice_shape import subscription_of
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.world import World

_SETTINGS = "stripe.setting"


def after_retries(state: SandboxState) -> str:
    """`cancel` (Stripe's default), `unpaid`, or `past_due`: leave it as it is."""
    known = state.store.get(_SETTINGS, "billing") or {"after_retries": "cancel"}
    return str(known["after_retries"])


def choose(state: SandboxState, choice: str) -> None:
    """Set it for the run."""
    state.store.put(_SETTINGS, "billing", {"after_retries": choice})


def give_up(world: World, invoice: Document) -> None:
    """No more retries of this invoice."""
    subscription = subscription_of(world, invoice)
    if subscription is None or subscription["status"] not in {"past_due", "active", "trialing"}:
        return
    choice = after_retries(world.state)
    if choice == "cancel":
        ending.end(world, subscription, reason="payment_failed")
    elif choice == "unpaid":
        standing.change(world, subscription, status="unpaid")
