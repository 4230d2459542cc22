"""The refund engine: a confirmed recovery is stored once, and our fee is asked for once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.accounts.collection import collection_of
from main_api.recoveries import queries
from main_api.recoveries.errors import RecoveryContradicted
from main_api.recoveries.models import Recovery
from opside_chassis.ids import new_id
from opside_chassis.outbox import stage
from opside_contracts.events import RecoveryConfirmed
from opside_contracts.payments.messages import Collection

REQUEST_COMMISSION = "request_commission"


@dataclass(frozen=True, slots=True)
class FeeTerms:
    """When and how fees are asked for: `review` is the time a seller has to object, maybe none."""

    default_mode: Collection
    review: timedelta
    now: datetime


async def confirm_recovery(
    session: AsyncSession, event: RecoveryConfirmed, *, terms: FeeTerms
) -> bool:
    """Store the recovery; stage the commission request if the payment was our doing (R15).

    The request is due when the seller's time to object is over. The collection mode is the one of
    this moment, whatever an admin changes before a retry. False when the recovery was known.

    Raises:
        RecoveryContradicted: it is known with another amount or currency; a person must look.
    """
    recovery = Recovery(
        id=new_id("rcv"),
        user_id=event.user_id,
        recovery_id=event.recovery_id,
        case_id=event.case_id,
        claim_id=event.claim_id,
        claim_type=event.claim_type,
        amount_minor=event.amount_minor,
        currency=event.currency,
        quantity=event.quantity,
        approved_at=event.approved_at,
        amazon_case_id=event.amazon_case_id,
        billable=event.billable,
        not_billable_reason=event.not_billable_reason,
        rule_version=event.rule_version,
        review_until=terms.now + terms.review if event.billable and terms.review else None,
    )
    if not await queries.insert_recovery(session, recovery):
        await _refuse_contradiction(session, event)
        return False
    if event.billable:
        mode = await collection_of(session, event.user_id, terms.default_mode)
        await stage(
            session,
            REQUEST_COMMISSION,
            {"recoveryRowId": recovery.id, "collection": mode.value},
            tenant=event.user_id,
            due_at=recovery.review_until,
            dedupe_key=f"{REQUEST_COMMISSION}:{recovery.id}",
        )
    return True


async def _refuse_contradiction(session: AsyncSession, event: RecoveryConfirmed) -> None:
    known = await queries.find_recovery(
        session, user_id=event.user_id, recovery_id=event.recovery_id
    )
    if known and (known.amount_minor, known.currency) != (event.amount_minor, event.currency):
        raise RecoveryContradicted(
            f"reimbursement {event.recovery_id} is known with {known.amount_minor} {known.currency}"
        )
