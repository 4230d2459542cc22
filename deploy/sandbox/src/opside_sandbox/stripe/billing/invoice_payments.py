"""Invoice payments: which PaymentIntent pays which invoice."""

from opside_sandbox.stripe.billing.listed import newest
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.fields import one_of, record, text
from opside_sandbox.stripe.listing import CREATED, PAGE, page_of
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World


def _retrieve(world: World, ask: Ask) -> Document:
    return shown(world, world.need("invoice_payment", ask.path["invoice_payment"]))


def _list(world: World, ask: Ask) -> Document:
    intent = (ask.get("payment") or {}).get("payment_intent")
    known = newest(world, "invoice_payment", ask, "invoice", "status")
    return page_of(
        world,
        ask,
        known,
        url="/v1/invoice_payments",
        keep=lambda one: intent in {None, one["payment"]["payment_intent"]},
    )


OPERATIONS = [
    Operation(
        "GET", "/v1/invoice_payments/{invoice_payment}", "invoice_payments.retrieve", _retrieve
    ),
    Operation(
        "GET",
        "/v1/invoice_payments",
        "invoice_payments.list",
        _list,
        fields={
            **PAGE,
            **CREATED,
            "invoice": text,
            "payment": record(
                {"payment_intent": text, "type": one_of("payment_intent")}, required=("type",)
            ),
            "status": one_of("canceled", "open", "paid"),
        },
    ),
]
