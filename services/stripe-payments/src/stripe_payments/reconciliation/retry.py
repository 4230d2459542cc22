"""Retry what failed of one transaction: its charge, its transfer, or what it gives back."""

from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.errors import NotFound
from opside_chassis.wire import AnswerModel
from stripe_payments.audit.cases import close_cases, note_person
from stripe_payments.clawbacks.access import retry_blocked
from stripe_payments.commissions.access import find_locked
from stripe_payments.commissions.retry import retry
from stripe_payments.roles import ADMIN


class Retried(AnswerModel):
    """What was set going again."""

    transaction_id: str
    state: str
    clawbacks: int


async def retry_transaction(sessions: Sessions, transaction_id: str, *, by: str) -> Retried:
    """Safe to ask twice.

    Raises:
        NotFound: there is no such transaction.
        NothingToRetry: nothing of it failed.
    """
    # Every tenant: an admin retries for any seller.
    async with transaction(sessions, tenant=EVERY_TENANT, role=ADMIN) as session:
        commission = await find_locked(session, transaction_id)
        if commission is None:
            raise NotFound("there is no such transaction")
        clawbacks = await retry_blocked(session, transaction_id)
        if not clawbacks:
            await retry(session, commission)
        await close_cases(session, reference=transaction_id)
        await note_person(session, kind="retried", reference=transaction_id, by=by, note="retry")
        return Retried(transaction_id=transaction_id, state=commission.state, clawbacks=clawbacks)
