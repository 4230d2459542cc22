"""Open a card form: a customer, and a SetupIntent whose secret only the browser keeps."""

from opside_chassis.database import Sessions, transaction
from opside_chassis.wire import AnswerModel
from stripe_payments.customers import queries
from stripe_payments.stripe_api.gateway import Stripe


class CardForm(AnswerModel):
    """What a front end needs to save a card with Stripe's own form."""

    customer_id: str
    setup_intent_id: str
    setup_client_secret: str


async def open_setup(
    sessions: Sessions, stripe: Stripe, *, user_id: str, email: str | None
) -> CardForm:
    """A repeat uses the same customer; each card form is a fresh one.

    Raises:
        OutcomeUnknown: Stripe did not answer; asking again is safe.
    """
    async with transaction(sessions, tenant=user_id) as session:
        customer = await queries.ensure(session, user_id)
        customer.setups += 1
        customer_id, number = customer.customer_id, customer.setups
    if customer_id is None:
        customer_id = await stripe.create_customer(
            user_id=user_id, email=email, idempotency_key=f"u:{user_id}:cus:1"
        )
        async with transaction(sessions, tenant=user_id) as session:
            await queries.keep_customer_id(session, user_id, customer_id)
    setup = await stripe.create_setup(customer_id, idempotency_key=f"u:{user_id}:seti:{number}")
    return CardForm(
        customer_id=customer_id,
        setup_intent_id=setup.id,
        setup_client_secret=setup.client_secret,
    )
