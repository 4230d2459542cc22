"""What happens in Checkout: the customer's card pays, is saved, or begins a subscription."""

from typing import Any

from opside_sandbox.stripe import (
    cards,
    charging,
    customers,
    payment_intents,
    payment_methods,
    setting_up,
    setup_intents,
)
from opside_sandbox.stripe.billing import cycle, drafting, lines, subscribing
from opside_sandbox.stripe.clocks import now_of
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.world import Ask, World

KIND = "checkout.session"
EXPIRE = "expire_checkout"


def submit(world: World, session: Document, method: Document, email: str, ask: Ask) -> Document:
    """Pay (or save) with this card; answers the intent, which may ask for authentication.

    Raises a card error whose effects are kept: the same session may be tried with another card.
    """
    _note_customer(world, session, email)
    intent = _intent(world, session)
    params = {"payment_method": method["id"], "return_url": ask.get("return_url")}
    act = setting_up.confirm if intent["object"] == "setup_intent" else charging.confirm
    return act(world, Ask(params, publishable=True, base_url=ask.base_url), intent)


def _note_customer(world: World, session: Document, email: str) -> None:
    """Who he says he is; a customer object where the session is to make one."""
    known = world.get("customer", session["customer"] or "") or {}
    address = known.get("email") or session["customer_email"] or email or None
    session["customer_details"] = {
        "address": None,
        "business_name": None,
        "email": address,
        "individual_name": None,
        "name": known.get("name"),
        "phone": known.get("phone"),
        "tax_exempt": "none",
        "tax_ids": [],
    }
    if not session["customer"] and _needs_customer(session):
        session["customer"] = customers.make(world, Ask({"email": address}))["id"]
    world.save(session)


def _needs_customer(session: Document) -> bool:
    keeps = session["_data"]["payment_intent_data"].get("setup_future_usage")
    return session["customer_creation"] == "always" or bool(keeps)


def _intent(world: World, session: Document) -> Document:
    """The intent behind the session: the known one after a refused card, else a new one."""
    if known := session["_intent"]:
        kind = "setup_intent" if known.startswith("seti_") else "payment_intent"
        return world.need(kind, known)
    if session["mode"] == "subscription" and not _begins_free(session):
        intent = _first_payment(world, session)
    elif session["mode"] == "payment":
        intent = _payment(world, session)
    else:
        intent = _setup(world, session)
    session["_intent"] = intent["id"]
    world.save(session)
    return intent


def _begins_free(session: Document) -> bool:
    data = session["_data"]["subscription_data"]
    return (
        bool(data.get("trial_period_days") or data.get("trial_end")) or not session["amount_total"]
    )


def _payment(world: World, session: Document) -> Document:
    params: dict[str, Any] = {
        **session["_data"]["payment_intent_data"],
        "amount": session["amount_total"],
        "currency": session["currency"],
        "payment_method_types": ["card"],
    }
    if session["customer"]:
        params["customer"] = session["customer"]
    return payment_intents.make(world, Ask(params), _checkout=session["id"])


def _setup(world: World, session: Document) -> Document:
    params: dict[str, Any] = {
        **session["_data"]["setup_intent_data"],
        "payment_method_types": ["card"],
        "customer": session["customer"],
    }
    return setup_intents.make(world, Ask(params), _checkout=session["id"])


def _first_payment(world: World, session: Document) -> Document:
    """An incomplete subscription, and the PaymentIntent of its first invoice."""
    subscription = _subscribe(world, session, {"payment_behavior": "default_incomplete"})
    session["_subscription"] = subscription["id"]
    invoice = world.need("invoice", subscription["latest_invoice"])
    intent = world.need("payment_intent", invoice["_intent"])
    return world.save({**intent, "_checkout": session["id"]})


def _subscribe(world: World, session: Document, more: Document) -> Document:
    customer = world.need("customer", session["customer"])
    items = []
    for one in session["_items"]:
        price, quantity = one["price"], one["quantity"]
        if price["recurring"]:
            items.append({"_price": price, "quantity": quantity})
            continue
        now = now_of(world, customer)
        drafting.new_item(
            world,
            customer,
            one["amount_total"],
            (now, now),
            currency=one["currency"],
            description=one["description"],
            pricing=lines.pricing(price),
            quantity=quantity,
        )
    params = {
        **session["_data"]["subscription_data"],
        "customer": customer["id"],
        "items": items,
        "payment_settings": {"save_default_payment_method": "on_subscription"},
        **more,
    }
    return subscribing.create(world, Ask(params))


def intent_changed(world: World, intent: Document) -> None:
    """Follows an intent's success: its session is complete."""
    session = world.get(KIND, intent.get("_checkout") or "")
    if session is None or session["status"] != "open" or intent["status"] != "succeeded":
        return
    session.update(status="complete", url=None, payment_status="paid")
    if session["mode"] == "payment":
        session["payment_intent"] = intent["id"]
    elif session["mode"] == "setup":
        session.update(setup_intent=intent["id"], payment_status="no_payment_required")
    else:
        _complete_subscription(world, session, intent)
    world.save(session)
    emit(world, "checkout.session.completed", session)


def _complete_subscription(world: World, session: Document, intent: Document) -> None:
    if known := session["_subscription"]:
        subscription = world.need("subscription", known)
    else:
        subscription = _subscribe(
            world, session, {"default_payment_method": intent["payment_method"]}
        )
        session["payment_status"] = "no_payment_required"
    session.update(subscription=subscription["id"], invoice=subscription["latest_invoice"])


def expire(world: World, session_id: str) -> Document | None:
    """The session's time is over: nothing that it began goes on."""
    session = world.get(KIND, session_id)
    if session is None or session["status"] != "open":
        return session
    session.update(status="expired", url=None)
    world.save(session)
    if known := session["_subscription"]:
        cycle.expire_incomplete(world, known)
    elif session["_intent"] and session["mode"] == "payment":
        charging.cancel(world, world.need("payment_intent", session["_intent"]), "automatic")
    emit(world, "checkout.session.expired", session)
    return session


def run_expiry(world: World, session_id: str) -> None:
    """The courier's job at `expires_at`."""
    expire(world, session_id)


def card_method(world: World, number: str) -> Document | None:
    """A new payment method of this test card, or None for any other number."""
    card = cards.numbered(number)
    return None if card is None else payment_methods.build(world, card)
