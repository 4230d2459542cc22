"""The Checkout Session object and its line items."""

from opside_sandbox.stripe.billing import lines, pricing
from opside_sandbox.stripe.errors import Document, invalid
from opside_sandbox.stripe.world import Ask, World, merge_metadata

LIFE_SECONDS = 24 * 3600
PATH = "/c/pay"


def new(world: World, ask: Ask) -> Document:
    """An open session; not stored yet. Raises StripeError."""
    mode, now = ask.get("mode"), world.now()
    session_id = world.new_id("checkout.session")
    items = [
        line_item(world, given, f"line_items[{place}]")
        for place, given in enumerate(ask.get("line_items", []))
    ]
    check_items(mode, items)
    total = sum(one["amount_total"] for one in items)
    embedded = ask.get("ui_mode", "hosted_page") == "embedded_page"
    secret = f"{session_id}_secret_{world.state.token('client_secret', 24)}"
    session: Document = {
        "id": session_id,
        "object": "checkout.session",
        **_unused(),
        "amount_subtotal": total if items else None,
        "amount_total": total if items else None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": ask.get("billing_address_collection"),
        "cancel_url": ask.get("cancel_url"),
        "client_reference_id": ask.get("client_reference_id"),
        "client_secret": secret if embedded else None,
        "created": now,
        "currency": items[0]["currency"] if items else ask.get("currency"),
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": ask.get("customer"),
        "customer_creation": _customer_creation(ask),
        "customer_email": ask.get("customer_email"),
        "expires_at": ask.get("expires_at", now + LIFE_SECONDS),
        "locale": ask.get("locale"),
        "metadata": merge_metadata(None, ask.params),
        "mode": mode,
        "payment_method_collection": "always" if mode == "subscription" else "if_required",
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": "no_payment_required" if mode == "setup" else "unpaid",
        "status": "open",
        "submit_type": ask.get("submit_type"),
        "success_url": ask.get("success_url"),
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}
        if items
        else None,
        "ui_mode": ask.get("ui_mode", "hosted_page"),
        "url": None if embedded else f"{ask.base_url}{PATH}/{session_id}",
        "_items": items,
        "_data": {
            name: ask.get(name, {})
            for name in ("payment_intent_data", "setup_intent_data", "subscription_data")
        },
    }
    if embedded:
        session["return_url"] = ask.get("return_url")
    return session


def _unused() -> Document:
    """What a session does not have yet, or never has here."""
    return {
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "currency_conversion": None,
        "custom_fields": [],
        "customer_account": None,
        "customer_details": None,
        "discounts": [],
        "integration_identifier": None,
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "managed_payments": None,
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_configuration_details": None,
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "subscription": None,
        "wallet_options": None,
        "_intent": None,
        "_subscription": None,
    }


def _customer_creation(ask: Ask) -> str | None:
    if ask.get("customer"):
        return None
    if ask.get("mode") == "payment":
        return str(ask.get("customer_creation", "if_required"))
    return "always"


def line_item(world: World, given: Document, param: str) -> Document:
    """One line, priced."""
    price, quantity = pricing.chosen(world, given, param), given.get("quantity")
    if quantity is None:
        raise invalid(
            "Quantity is required. Add `quantity` to the line item.", param=f"{param}[quantity]"
        )
    amount = pricing.amount_of(price, quantity)
    return {
        "id": world.new_id("item"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": lines.product_name(world, price),
        "metadata": merge_metadata(None, given),
        "price": price,
        "quantity": quantity,
    }


def check_items(mode: str, items: list[Document]) -> None:
    """Which prices a mode takes."""
    recurring = [one for one in items if one["price"]["recurring"]]
    if mode == "setup":
        if items:
            raise invalid("`line_items` cannot be used in `setup` mode.", param="line_items")
        return
    if not items:
        raise invalid(
            f"`line_items` is required in `{mode}` mode.",
            param="line_items",
            code="parameter_missing",
        )
    if len({one["currency"] for one in items}) > 1:
        raise invalid("All line items have the same currency.", param="line_items")
    if mode == "payment" and recurring:
        raise invalid(
            "You specified `payment` mode but passed a recurring price. Either switch to "
            "`subscription` mode or use only one-time prices.",
            param="line_items",
        )
    if mode == "subscription" and not recurring:
        raise invalid(
            "You must provide at least one recurring price in `subscription` mode when using "
            "prices.",
            param="line_items",
        )
