"""Amazon's confirmed payments move a filing: paid, partly paid, or denied when all was taken back."""

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.filings import queries
from main_api.filings.models import Filing
from main_api.filings.rules import MACHINE, TAKEN_BACK, UNFILED, FilingState, state_after_payments
from main_api.recoveries.paid import PaidForCase, paid_for_recovery


async def follow_payments(session: AsyncSession, *, user_id: str, recovery_id: str) -> None:
    """Bring the filing of the case that a recovery answers up to date; joins its caller's transaction.

    Sums are read under the filing's lock, so that of two payments at once the second sees both.
    """
    told = await paid_for_recovery(session, user_id=user_id, recovery_id=recovery_id)
    if told is None:
        return
    filings = await queries.filings_of_cases(
        session, user_id=user_id, case_ids=[told.case_id], lock=True
    )
    paid = await paid_for_recovery(session, user_id=user_id, recovery_id=recovery_id)
    if not filings or paid is None:
        return
    [filing] = filings
    net_minor = max(0, paid.paid_minor - paid.reversed_minor)
    if (filing.paid_minor, filing.paid_units) == (net_minor, paid.units):
        return  # told twice; what a person noted meanwhile stays
    if not await _was_filed(session, filing, paid):
        return
    state = state_after_payments(
        claimed_units=filing.quantity,
        paid_units=paid.units,
        paid_minor=paid.paid_minor,
        reversed_minor=paid.reversed_minor,
    )
    filing.paid_minor, filing.paid_units = net_minor, paid.units
    filing.paid_currency = paid.currency
    if state is not FilingState(filing.state):
        filing.state = state.value
        filing.reason = TAKEN_BACK if state is FilingState.DENIED else None
    await queries.save(session, filing, changed_by=MACHINE)


async def _was_filed(session: AsyncSession, filing: Filing, paid: PaidForCase) -> bool:
    """A payment that names an Amazon case shows that somebody filed it, whether he told us or not."""
    if FilingState(filing.state) not in {*UNFILED, FilingState.EXPIRED}:
        return True
    if paid.amazon_case_id is None:
        return False
    filing.state = FilingState.FILED.value
    filing.amazon_case_id, filing.filed_at = paid.amazon_case_id, paid.approved_at
    await queries.save(session, filing, changed_by=MACHINE)
    return True
