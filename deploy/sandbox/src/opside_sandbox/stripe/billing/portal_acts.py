"""What a customer does in the portal."""

from dataclasses import dataclass

from opside_sandbox.stripe import cards, setting_up, setup_intents
from opside_sandbox.stripe.billing import changing
from opside_sandbox.stripe.billing.portal import PATH
from opside_sandbox.stripe.billing.portal_configurations import KIND as CONFIGURATION
from opside_sandbox.stripe.billing.subscription_shape import ENDED
from opside_sandbox.stripe.errors import Document, StripeError, invalid
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.payment_methods import build
from opside_sandbox.stripe.world import Ask, World


@dataclass(frozen=True, slots=True)
class Visit:
    """A customer in the portal."""

    world: World
    session: Document
    customer: Document

    @property
    def features(self) -> Document:
        """What the session's configuration lets him do."""
        known: Document = self.world.need(CONFIGURATION, self.session["configuration"])["features"]
        return known

    @property
    def path(self) -> str:
        """Where the forms post to."""
        return f"{PATH}/{self.session['_secret']}"


def subscriptions(visit: Visit, *, ended: bool = False) -> list[Document]:
    """The customer's subscriptions, the newest first."""
    known = visit.world.state.store.list(
        visit.world.collection("subscription"), newest_first=True, customer=visit.customer["id"]
    )
    return [one for one in known if ended or one["status"] not in ENDED]


def act(visit: Visit, given: dict[str, str], return_url: str, base_url: str) -> str | None:
    """Do what the form asks; answers the bank's page when it is needed. Raises StripeError."""
    decision = given.get("decision")
    if decision in {"cancel", "keep"} and visit.features["subscription_cancel"]["enabled"]:
        _cancel_or_keep(visit, given.get("subscription", ""), keep=decision == "keep")
        return None
    if decision == "card" and visit.features["payment_method_update"]["enabled"]:
        return _use_card(visit, given.get("number", ""), return_url, base_url)
    raise invalid("Choose what to do.")


def _cancel_or_keep(visit: Visit, subscription_id: str, *, keep: bool) -> None:
    own = [one for one in subscriptions(visit) if one["id"] == subscription_id]
    if not own:
        raise invalid("No such subscription.")
    if keep or visit.features["subscription_cancel"]["mode"] == "at_period_end":
        changing.update(visit.world, Ask({"cancel_at_period_end": not keep}), own[0])
    else:
        changing.cancel(visit.world, Ask({}), own[0])


def _use_card(visit: Visit, number: str, return_url: str, base_url: str) -> str | None:
    """Save the card with a SetupIntent of its own; its success makes it the default."""
    world, card = visit.world, cards.numbered(number)
    if card is None:
        raise invalid("This page takes Stripe's test cards only, such as 4242 4242 4242 4242.")
    params = {"customer": visit.customer["id"], "payment_method_types": ["card"]}
    intent = setup_intents.make(world, Ask(params), _portal=visit.session["id"])
    asked = Ask(
        {"payment_method": build(world, card)["id"], "return_url": return_url},
        publishable=True,
        base_url=base_url,
    )
    try:
        intent = setting_up.confirm(world, asked, intent)
    except StripeError as error:
        raise invalid(error.message) from None
    action = intent["next_action"]
    return None if action is None else str(action["redirect_to_url"]["url"])


def card_saved(world: World, intent: Document) -> None:
    """Follows the SetupIntent: from now on the customer pays with this card."""
    if not intent.get("_portal"):
        return
    customer = world.need("customer", intent["customer"])
    before = {**customer, "invoice_settings": dict(customer["invoice_settings"])}
    customer["invoice_settings"]["default_payment_method"] = intent["payment_method"]
    world.save(customer)
    emit(world, "customer.updated", customer, before=before)
    for one in world.state.store.list(world.collection("subscription"), customer=customer["id"]):
        if one["default_payment_method"] and one["status"] not in ENDED:
            changing.update(world, Ask({"default_payment_method": intent["payment_method"]}), one)


def onward(visit: Visit) -> str | None:
    """Where a deep link leads when its one thing is done."""
    flow = visit.session["flow"]
    if flow is None or flow["after_completion"]["type"] != "redirect":
        return None
    return str(flow["after_completion"]["redirect"]["return_url"])
