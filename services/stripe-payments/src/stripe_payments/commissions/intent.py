"""The one intent of a commission, made unconfirmed (money-safety 5, order of charging, step 1)."""

from datetime import timedelta

from stripe_payments.commissions.models import Commission
from stripe_payments.stripe_api.asking import MOST_KEYS
from stripe_payments.stripe_api.errors import OutcomeUnknown
from stripe_payments.stripe_api.gateway import Intent, NewIntent, Stripe

CLOCKS_APART = timedelta(minutes=5)
"""Our clock and Stripe's."""


async def intent_for(stripe: Stripe, commission: Commission) -> Intent:
    """A repeat brings the same intent, by its key or by its metadata.

    A failure that Stripe saved comes back under its key for a day: only then, and only when Stripe lists
    no intent of this commission, the next key is used. A stray intent is unconfirmed, and so harmless.

    Raises:
        OutcomeUnknown: Stripe did not answer; asking again is safe.
    """
    new = NewIntent(
        commission_id=commission.id,
        amount_minor=commission.charge_minor,
        currency=commission.currency,
        customer_id=commission.customer_id,
        payment_method_id=commission.payment_method_id,
    )
    for number in range(1, MOST_KEYS + 1):
        try:
            return await stripe.create_intent(new, idempotency_key=f"c:{commission.id}:pi:{number}")
        except OutcomeUnknown as unknown:
            if not unknown.saved:
                raise
        made = await _made_before(stripe, commission)
        if made is not None:
            return made
    raise OutcomeUnknown(f"Stripe saved a failure under {MOST_KEYS} keys", saved=True)


async def _made_before(stripe: Stripe, commission: Commission) -> Intent | None:
    since = commission.created_at - CLOCKS_APART
    for intent in await stripe.intents_of(commission.customer_id or "", since=since):
        if intent.metadata.get("commission") == commission.id:
            return intent
    return None
