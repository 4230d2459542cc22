"""Saving a card: only Stripe's own form ever sees its number."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.errors import BadRequest, Forbidden
from opside_chassis.wire import AnswerModel, ApiModel, PlainText, Reference
from stripe_payments.customers.cards import SavedCards, detach_card, list_cards
from stripe_payments.customers.open_setup import CardForm, open_setup
from stripe_payments.customers.payer import ensure_customer
from stripe_payments.dependencies import Runtime, runtime
from stripe_payments.stripe_api.errors import told_to_callers

router = APIRouter()
Member = Annotated[Caller, Depends(access.member())]
Parts = Annotated[Runtime, Depends(runtime)]

_CARD_LIKE = re.compile(r"(?:\d[ -]?){13,19}")


class CustomerSetup(ApiModel):
    """Open a card form. `user_id` may be left out; given, it must be the caller's."""

    user_id: Reference | None = None
    email: PlainText | None = Field(default=None, max_length=320)


class StripeCustomer(AnswerModel):
    """A seller as Stripe's customer."""

    user_id: str
    customer_id: str


@router.post("/api/v1/stripe/create-customer-setup", status_code=201)
async def create_customer_setup(
    setup: CustomerSetup,
    caller: Member,
    parts: Parts,
) -> CardForm:
    """A customer and a SetupIntent; the card goes from the browser to Stripe, never through us."""
    _check(setup, caller)
    with told_to_callers():
        return await open_setup(
            parts.database.sessions, parts.stripe, user_id=caller.user_id, email=setup.email
        )


@router.post("/api/v1/stripe/get-or-create-customer")
async def get_or_create_customer(
    setup: CustomerSetup, caller: Member, parts: Parts
) -> StripeCustomer:
    """The caller's customer at Stripe; a repeat answers the same one."""
    _check(setup, caller)
    with told_to_callers():
        customer_id = await ensure_customer(
            parts.database.sessions, parts.stripe, user_id=caller.user_id
        )
    return StripeCustomer(user_id=caller.user_id, customer_id=customer_id)


@router.get("/api/v1/stripe/payment-methods")
async def read_cards(caller: Member, parts: Parts) -> SavedCards:
    """The caller's saved cards, and which of them is charged."""
    with told_to_callers():
        return await list_cards(parts.database.sessions, parts.stripe, user_id=caller.user_id)


@router.delete("/api/v1/stripe/payment-methods/{payment_method_id}", status_code=204)
async def forget_card(payment_method_id: str, caller: Member, parts: Parts) -> None:
    """Forget one of the caller's cards, here and at Stripe."""
    with told_to_callers():
        await detach_card(
            parts.database.sessions,
            parts.stripe,
            user_id=caller.user_id,
            payment_method_id=payment_method_id,
        )


def _check(setup: CustomerSetup, caller: Caller) -> None:
    if setup.user_id not in {None, caller.user_id}:
        raise Forbidden("a customer can be made for oneself only")
    if setup.email and _CARD_LIKE.search(setup.email):
        raise BadRequest("card numbers are never sent to us")
