"""Payment methods: made from test cards, attached to customers."""

import hashlib

from opside_sandbox.stripe import cards
from opside_sandbox.stripe.declines import card_error
from opside_sandbox.stripe.errors import Document, StripeError, invalid, missing
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.fields import ADDRESS, clearable, metadata, one_of, record, text
from opside_sandbox.stripe.listing import PAGE, page
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World, merge_metadata

EXPIRY = (8, 2034)


def resolve(world: World, source: str) -> Document:
    """The payment method with this id, or a new one for a `pm_card_*` name."""
    if card := cards.named(source):
        return build(world, card)
    found = world.get("payment_method", source)
    if found is None:
        raise missing("PaymentMethod", source, param="payment_method", in_path=False)
    return found


def from_data(world: World, data: Document, *, publishable: bool) -> Document:
    """A payment method from `payment_method_data`; card numbers only from a browser."""
    card = _card_of(data.get("card") or {}, publishable=publishable)
    return build(world, card, billing=data.get("billing_details"), extra=data.get("metadata"))


def _card_of(given: Document, *, publishable: bool) -> cards.TestCard:
    if token := given.get("token"):
        card = cards.named(token)
        if card is None:
            raise missing("token", token, param="card[token]", in_path=False)
        return card
    if not given.get("number"):
        raise invalid("Missing required param: card[number].", param="card[number]")
    if not publishable:
        raise StripeError(
            402,
            "Sending credit card numbers directly to the Stripe API is generally unsafe. To "
            "continue processing use Stripe.js, the Stripe mobile bindings, or Stripe Elements.",
        )
    card = cards.numbered(given["number"])
    if card is None:
        raise StripeError(
            402,
            "Your card was declined. Your request was in test mode, but used a non test card. "
            "For a list of valid test cards, visit: https://stripe.com/docs/testing.",
            kind="card_error",
            code="card_declined",
            extra={"decline_code": "test_mode_live_card"},
        )
    return card


def build(
    world: World,
    card: cards.TestCard,
    *,
    billing: Document | None = None,
    extra: Document | None = None,
) -> Document:
    """A new payment method of this card, belonging to nobody yet."""
    return world.save(
        {
            "id": world.new_id("payment_method"),
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": billing_details(billing),
            "card": card_details(world, card),
            "created": world.now(),
            "customer": None,
            "customer_account": None,
            "livemode": False,
            "metadata": extra or {},
            "type": "card",
            "_number": card.number,
            "_set_up": False,
            "_spent": False,
        }
    )


def card_of(method: Document) -> cards.TestCard:
    """The test card behind a stored payment method."""
    card = cards.numbered(method["_number"])
    if card is None:
        raise LookupError(f"payment method {method['id']} has no test card")
    return card


def fingerprint(world: World, card: cards.TestCard) -> str:
    """The same card has the same fingerprint within a run."""
    digest = hashlib.sha256(f"{world.state.seed}/{card.number}".encode()).hexdigest()
    return digest[:16]


def card_details(world: World, card: cards.TestCard) -> Document:
    """`payment_method.card`."""
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": "US",
        "display_brand": card.brand,
        "exp_month": EXPIRY[0],
        "exp_year": EXPIRY[1],
        "fingerprint": fingerprint(world, card),
        "funding": "credit",
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def billing_details(given: Document | None) -> Document:
    """All keys, whatever was given."""
    given = given or {}
    names = ("city", "country", "line1", "line2", "postal_code", "state")
    address = given.get("address") or {}
    return {
        "address": {name: address.get(name) for name in names},
        "email": given.get("email"),
        "name": given.get("name"),
        "phone": given.get("phone"),
        "tax_id": None,
    }


def attach_to(world: World, method: Document, customer_id: str) -> Document:
    """Give the card to a customer. Raises a card error for the cards that banks refuse."""
    if method["customer"] == customer_id:
        return method
    if method["customer"] is not None:
        raise invalid(
            "The payment method you provided has already been attached to a customer.",
            param="payment_method",
        )
    if method["_spent"]:
        raise invalid(
            "This PaymentMethod was previously used without being attached to a Customer or was "
            "detached from a Customer, and may not be used again.",
            param="payment_method",
        )
    card = card_of(method)
    if not card.attaches and card.decline is not None:
        raise card_error(card.decline)
    method["customer"] = customer_id
    world.save(method)
    emit(world, "payment_method.attached", method)
    return method


def detach(world: World, method: Document) -> Document:
    """Take the card from its customer, for good."""
    before = dict(method)
    method["customer"], method["_spent"] = None, True
    world.save(method)
    customer = world.get("customer", before["customer"])
    settings = (customer or {}).get("invoice_settings")
    if customer and settings and settings["default_payment_method"] == method["id"]:
        settings["default_payment_method"] = None
        world.save(customer)
    emit(world, "payment_method.detached", method, before=before)
    return method


def _create(world: World, ask: Ask) -> Document:
    data = ask.params
    return shown(world, from_data(world, data, publishable=ask.publishable))


def _retrieve(world: World, ask: Ask) -> Document:
    method_id = ask.path["method"]
    if card := cards.named(method_id):
        return shown(world, build(world, card))
    return shown(world, world.need("payment_method", method_id, param="payment_method"))


def _update(world: World, ask: Ask) -> Document:
    method = world.need("payment_method", ask.path["method"], param="payment_method")
    if method["customer"] is None:
        raise invalid("You must save this PaymentMethod to a customer before you can update it.")
    before = dict(method)
    if "billing_details" in ask.params:
        method["billing_details"] = billing_details(ask.params["billing_details"])
    method["metadata"] = merge_metadata(method["metadata"], ask.params)
    world.save(method)
    emit(world, "payment_method.updated", method, before=before)
    return shown(world, method)


def _attach(world: World, ask: Ask) -> Document:
    customer = world.need("customer", ask.params["customer"], param="customer", in_path=False)
    method = resolve(world, ask.path["method"])
    return shown(world, attach_to(world, method, customer["id"]))


def _detach(world: World, ask: Ask) -> Document:
    method = world.need("payment_method", ask.path["method"], param="payment_method")
    if method["customer"] is None:
        raise invalid(
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible."
        )
    return shown(world, detach(world, method))


def _list(world: World, ask: Ask) -> Document:
    return page(world, ask, "payment_method", url="/v1/payment_methods")


_DETAILS = dict.fromkeys(("email", "name", "phone"), clearable(text))
BILLING = record({**_DETAILS, "address": ADDRESS})
_CARD = record(dict.fromkeys(("token", "number", "exp_month", "exp_year", "cvc"), text))
DATA_FIELDS = {
    "type": one_of("card"),
    "card": _CARD,
    "billing_details": BILLING,
    "metadata": metadata,
}
_ONE = "/v1/payment_methods/{method}"

OPERATIONS = [
    Operation(
        "POST",
        "/v1/payment_methods",
        "payment_methods.create",
        _create,
        fields=DATA_FIELDS,
        required=("type", "card"),
        publishable=True,
    ),
    Operation("GET", _ONE, "payment_methods.retrieve", _retrieve),
    Operation(
        "POST",
        _ONE,
        "payment_methods.update",
        _update,
        fields={"billing_details": BILLING, "metadata": metadata},
    ),
    Operation(
        "POST",
        _ONE + "/attach",
        "payment_methods.attach",
        _attach,
        fields={"customer": text},
        required=("customer",),
    ),
    Operation("POST", _ONE + "/detach", "payment_methods.detach", _detach),
    Operation(
        "GET",
        "/v1/payment_methods",
        "payment_methods.list",
        _list,
        fields={**PAGE, "customer": text, "type": text},
    ),
]
