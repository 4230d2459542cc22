"""Subscribing, cancelling, and reading both subscriptions and invoices."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.errors import BadRequest, Forbidden
from opside_chassis.pagination import Page, PageQuery
from opside_chassis.wire import ApiModel, PlainText, Reference
from stripe_payments.commissions.listing import tenant_of
from stripe_payments.dependencies import Runtime, runtime
from stripe_payments.stripe_api.errors import told_to_callers
from stripe_payments.subscriptions.cancel import cancel_subscription
from stripe_payments.subscriptions.listing import (
    InvoiceView,
    SubscriptionView,
    list_invoices,
    list_subscriptions,
    view,
)
from stripe_payments.subscriptions.start import start_subscription

router = APIRouter()
Member = Annotated[Caller, Depends(access.member())]
Parts = Annotated[Runtime, Depends(runtime)]


class CreateSubscription(ApiModel):
    """Subscribe to a price; the default price where none is named."""

    user_id: Reference | None = None
    customer_id: Annotated[PlainText, Field(max_length=255)] | None = None
    price_id: Annotated[PlainText, Field(max_length=255)] | None = None


class CancelSubscription(ApiModel):
    """Which one: our id or Stripe's."""

    subscription_id: Reference


@router.post("/api/v1/stripe/create-subscription", status_code=201)
async def create(body: CreateSubscription, caller: Member, parts: Parts) -> SubscriptionView:
    """Subscribe the caller; a repeat answers the subscription that there is."""
    if body.user_id not in {None, caller.user_id}:
        raise Forbidden("you can subscribe for yourself only")
    price_id = body.price_id or parts.settings.stripe_price_id
    if not price_id:
        raise BadRequest("priceId is required: there is no default price (STRIPE_PRICE_ID)")
    with told_to_callers():
        row, made = await start_subscription(
            parts.database.sessions,
            parts.stripe,
            user_id=caller.user_id,
            customer_id=body.customer_id,
            price_id=price_id,
        )
    return view(row, client_secret=made.client_secret)


@router.post("/api/v1/stripe/cancel-subscription")
async def cancel(body: CancelSubscription, caller: Member, parts: Parts) -> SubscriptionView:
    """Let it end with the period that is paid."""
    with told_to_callers():
        row = await cancel_subscription(
            parts.database.sessions,
            parts.stripe,
            tenant=tenant_of(caller),
            subscription_id=body.subscription_id,
        )
    return view(row)


@router.get("/api/v1/stripe/subscriptions/{user_id}")
async def read_subscriptions(user_id: str, caller: Member, parts: Parts) -> list[SubscriptionView]:
    """A user's subscriptions, newest first."""
    return await list_subscriptions(parts.database.sessions, caller=caller, user_id=user_id)


@router.get("/api/v1/stripe/invoices/{user_id}")
async def read_invoices(
    user_id: str, caller: Member, parts: Parts, page: Annotated[PageQuery, Query()]
) -> Page[InvoiceView]:
    """A user's invoices, newest first."""
    return await list_invoices(parts.database.sessions, caller=caller, user_id=user_id, page=page)
