"""Open a card form: a customer, and a SetupIntent whose secret only the browser keeps."""

from opside_chassis.database import Sessions, transaction
from opside_chassis.wire import AnswerModel
from stripe_payments.customers import queries
from stripe_payments.customers.payer import ensure_customer
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
    customer_id = await ensure_customer(sessions, stripe, user_id=user_id)
    if email is not None:
        await stripe.set_customer_email(customer_id, email)
    async with transaction(sessions, tenant=user_id) as session:
        customer = await queries.ensure(session, user_id)
        customer.setups += 1
        number = customer.setups
    setup = await stripe.create_setup(customer_id, idempotency_key=f"u:{user_id}:seti:{number}")
    return CardForm(
        customer_id=customer_id,
        setup_intent_id=setup.id,
        setup_client_secret=setup.client_secret,
    )
