"""What Amazon paid for a case so far, all its reimbursements together."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.recoveries import queries


@dataclass(frozen=True, slots=True)
class PaidForCase:
    """Sums over a case's reimbursements in one currency, minor units."""

    case_id: str
    currency: str
    paid_minor: int
    reversed_minor: int
    units: int
    amazon_case_id: str | None
    approved_at: datetime


async def paid_for_recovery(
    session: AsyncSession, *, user_id: str, recovery_id: str
) -> PaidForCase | None:
    """The sums of the case that a reimbursement answers; None when it is not known."""
    row = await queries.paid_for_case_of(session, user_id=user_id, recovery_id=recovery_id)
    if row is None:
        return None
    return PaidForCase(
        case_id=row.case_id,
        currency=row.currency,
        paid_minor=int(row.paid_minor),
        reversed_minor=int(row.reversed_minor),
        units=int(row.units),
        amazon_case_id=row.amazon_case_id,
        approved_at=row.approved_at,
    )
