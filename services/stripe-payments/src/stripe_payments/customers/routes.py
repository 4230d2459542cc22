"""Saving a card: only Stripe's own form ever sees its number."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.errors import BadRequest, Forbidden, Unavailable
from opside_chassis.wire import ApiModel, PlainText, Reference
from stripe_payments.customers.open_setup import CardForm, open_setup
from stripe_payments.dependencies import Runtime, runtime
from stripe_payments.stripe_api.errors import OutcomeUnknown

router = APIRouter()

_CARD_LIKE = re.compile(r"(?:\d[ -]?){13,19}")


class CustomerSetup(ApiModel):
    """Open a card form. `user_id` may be left out; given, it must be the caller's."""

    user_id: Reference | None = None
    email: PlainText | None = Field(default=None, max_length=320)


@router.post("/api/v1/stripe/create-customer-setup", status_code=201)
async def create_customer_setup(
    setup: CustomerSetup,
    caller: Annotated[Caller, Depends(access.member())],
    parts: Annotated[Runtime, Depends(runtime)],
) -> CardForm:
    """A customer and a SetupIntent; the card goes from the browser to Stripe, never through us."""
    if setup.user_id not in {None, caller.user_id}:
        raise Forbidden("a card form can be opened for oneself only")
    if setup.email and _CARD_LIKE.search(setup.email):
        raise BadRequest("card numbers are never sent to us")
    try:
        return await open_setup(
            parts.database.sessions, parts.stripe, user_id=caller.user_id, email=setup.email
        )
    except OutcomeUnknown as error:
        raise Unavailable("Stripe does not answer; try again", retry_after_seconds=5) from error
