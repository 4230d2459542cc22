"""Subscribe a user to a plan: our row first, then Stripe under a key that follows from it."""

from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import BadRequest, Conflict
from opside_chassis.ids import new_id
from stripe_payments.customers.payer import ensure_customer, payer_of
from stripe_payments.stripe_api.errors import Refused
from stripe_payments.stripe_api.gateway import Stripe
from stripe_payments.stripe_api.plans import NewSubscription, StartedSubscription
from stripe_payments.subscriptions import queries
from stripe_payments.subscriptions.keep import copy_subscription
from stripe_payments.subscriptions.models import Subscription


class CardMissing(Conflict):
    """A subscription needs a saved card first."""

    code = "card_missing"


class AnotherCustomer(BadRequest):
    """The customer of the request is not the caller's."""

    code = "another_customer"


async def start_subscription(
    sessions: Sessions, stripe: Stripe, *, user_id: str, customer_id: str | None, price_id: str
) -> tuple[Subscription, StartedSubscription]:
    """One live subscription a user and price: a repeat answers it, an interrupted one is resumed.

    Raises:
        CardMissing: no card is saved.
        AnotherCustomer: `customer_id` is not the user's.
        Refused: Stripe said no for good; the row says so, and another try begins anew.
        OutcomeUnknown: Stripe did not answer; asking again is safe.
    """
    own = await ensure_customer(sessions, stripe, user_id=user_id)
    if customer_id not in {None, own}:
        raise AnotherCustomer("customerId is not your customer")
    row = await _row(sessions, user_id=user_id, customer_id=own, price_id=price_id)
    try:
        made = await _made(stripe, row)
    except Refused:
        await _keep(sessions, user_id, row.id, None)
        raise
    return await _keep(sessions, user_id, row.id, made), made


async def _made(stripe: Stripe, row: Subscription) -> StartedSubscription:
    """What Stripe has of it already, whoever made it; a new one only when there is none.

    Stripe forgets keys after a day: only its own list proves that a start never happened.
    """
    if row.subscription_id is not None:
        return await stripe.started_subscription(row.subscription_id)
    for known in await stripe.subscriptions_of(row.customer_id):
        if known.reference == row.id:
            return await stripe.started_subscription(known.id)
    return await stripe.create_subscription(
        NewSubscription(row.id, row.customer_id, row.price_id, row.payment_method_id or ""),
        idempotency_key=f"s:{row.id}:1",
    )


async def _row(
    sessions: Sessions, *, user_id: str, customer_id: str, price_id: str
) -> Subscription:
    payer = await payer_of(sessions, user_id)
    async with transaction(sessions, tenant=user_id) as session:
        known = await queries.live_of(session, user_id, price_id)
        if known is not None:
            return known
        if payer.payment_method_id is None:
            raise CardMissing("save a card first")
        await queries.insert_subscription(
            session,
            {
                "id": new_id("sbn"),
                "user_id": user_id,
                "customer_id": customer_id,
                "price_id": price_id,
                "payment_method_id": payer.payment_method_id,
                "status": "starting",
            },
        )
        made = await queries.live_of(session, user_id, price_id)
    if made is None:
        raise Conflict("this subscription ended just now; ask again")
    return made


async def _keep(
    sessions: Sessions, user_id: str, row_id: str, made: StartedSubscription | None
) -> Subscription:
    async with transaction(sessions, tenant=user_id) as session:
        stored = await queries.by_id(session, row_id)
        if stored is None:
            raise LookupError(f"no subscription {row_id}")
        if made is not None:
            copy_subscription(stored, made.subscription)
        elif stored.status == "starting":
            stored.status = "refused"
        await session.flush()
        await session.refresh(stored)
    return stored
