"""An administrator lets a commission that stands still go on."""

from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.errors import Conflict
from opside_chassis.outbox import stage
from stripe_payments.commissions.models import Commission
from stripe_payments.commissions.move import COLLECT, TRANSFER
from stripe_payments.commissions.rules import State

_JOB_OF = {
    State.FAILED: COLLECT,
    State.AWAITING_CUSTOMER: COLLECT,
    State.TRANSFER_BLOCKED: TRANSFER,
}


class NothingToRetry(Conflict):
    """The transaction did not fail, or its retry is staged already."""

    code = "nothing_to_retry"


async def retry(session: AsyncSession, commission: Commission) -> None:
    """Stage the step that failed; asked twice, it is staged once.

    Raises:
        NothingToRetry: it does not stand still.
    """
    kind = _JOB_OF.get(State(commission.state))
    if kind is None:
        raise NothingToRetry("this transaction did not fail", state=commission.state)
    await stage(
        session,
        kind,
        {"commissionId": commission.id, "ordered": True},
        tenant=commission.user_id,
        dedupe_key=f"retry:{commission.id}:{commission.version}",
    )
