"""Cancel a commission that nothing was collected for, at Stripe first."""

from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import StagedJob, fence
from stripe_payments.commissions import queries
from stripe_payments.commissions.models import Commission
from stripe_payments.commissions.move import move
from stripe_payments.commissions.rules import CANCELLABLE, State
from stripe_payments.commissions.settle import settle_intent
from stripe_payments.roles import JANITOR
from stripe_payments.stripe_api.asking import with_next_key
from stripe_payments.stripe_api.errors import Refused
from stripe_payments.stripe_api.gateway import Stripe


async def cancel_uncollected(
    sessions: Sessions, stripe: Stripe, job: StagedJob, commission: Commission
) -> bool:
    """Answers whether the commission is somewhere else now; one in flight is left alone.

    The intent is cancelled before the row is, so that nobody can pay a cancelled fee. One that turns
    out to be paid makes the commission charged.

    Raises:
        OutcomeUnknown: Stripe did not answer; the job is tried again.
    """
    if State(commission.state) not in CANCELLABLE:
        return False
    intent = None
    if commission.intent_id is not None:
        try:
            intent_id = commission.intent_id
            intent = await with_next_key(
                lambda number: stripe.cancel_intent(
                    intent_id, idempotency_key=f"c:{commission.id}:cancel:{number}"
                )
            )
        except Refused:
            intent = await stripe.intent(commission.intent_id)
    async with transaction(sessions, tenant=commission.user_id, role=JANITOR) as session:
        await fence(session, job)
        stored = await queries.lock(session, commission.id)
        if stored.version != commission.version:
            return True
        if intent is not None:
            await settle_intent(session, stored, intent)
        else:
            await move(session, stored, State.CANCELLED)
        return stored.state != commission.state
