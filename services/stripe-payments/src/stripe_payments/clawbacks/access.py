"""Clawbacks for the domains above: a refund changed, a blocked one may go on, list them."""

from sqlalchemy.ext.asyncio import AsyncSession

from stripe_payments.audit.cases import close_cases, open_case_once
from stripe_payments.clawbacks import queries
from stripe_payments.clawbacks.models import Clawback
from stripe_payments.clawbacks.move import step, take_over_refund
from stripe_payments.clawbacks.rules import Step
from stripe_payments.commissions.access import locked
from stripe_payments.commissions.move import stage_clawbacks
from stripe_payments.stripe_api.gateway import Refund

__all__ = ["Clawback", "clawbacks_of", "refund_changed", "retry_blocked"]


async def refund_changed(session: AsyncSession, refund: Refund) -> bool:
    """Take over a fetched refund; one that we did not make becomes a case. False when not ours."""
    clawback = await queries.by_refund(session, refund.id)
    if clawback is None and "clawback" in refund.metadata:
        clawback = await queries.by_id(session, refund.metadata["clawback"])
    if clawback is None:
        await open_case_once(
            session,
            kind="foreign_refund",
            reference=refund.id,
            reason=f"refund {refund.id} of {refund.charge_id} was not made by us",
        )
        return False
    commission = await locked(session, clawback.commission_id)
    row = await queries.lock(session, clawback.id)
    # An older attempt that failed says nothing of the present one; one that did not, gave it back.
    if not refund.failed or refund.metadata.get("attempt") == str(row.attempt):
        await take_over_refund(session, commission, row, refund)
    return True


async def retry_blocked(session: AsyncSession, commission_id: str) -> int:
    """Let blocked clawbacks of a commission go on under new Stripe keys; answers how many."""
    commission = await locked(session, commission_id)
    blocked = [
        row
        for row in await queries.of_commission(session, commission_id)
        if Step(row.state) is Step.BLOCKED
    ]
    for row in blocked:
        row.attempt += 1
        row.failure_reason = None
        await close_cases(session, reference=row.id)
        await step(session, row, Step.CREDITED)
    if blocked:
        await stage_clawbacks(session, commission)
    return len(blocked)


async def clawbacks_of(session: AsyncSession, commission_id: str) -> list[Clawback]:
    """All clawbacks of a commission, oldest first."""
    return await queries.of_commission(session, commission_id)
