"""What became of all the fees of one user."""

from collections import Counter
from typing import Any

from opside_chassis.access import Caller
from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import NotFound
from opside_chassis.wire import AnswerModel
from stripe_payments.audit.trail import broken_objects_of
from stripe_payments.commissions.access import totals_by_state
from stripe_payments.roles import AUDITOR


class UserTotals(AnswerModel):
    """Sums of one currency, minor units."""

    currency: str
    transactions: int
    recovered_minor: int
    fee_minor: int
    """What is left of it after clawbacks."""
    collected_minor: int
    transferred_minor: int
    refunded_minor: int


class UserAudit(AnswerModel):
    """A user's transactions by state, sums by currency, and whether every audit chain is unbroken."""

    user_id: str
    states: dict[str, int]
    totals: list[UserTotals]
    broken_chains: list[str]


async def audit_user(sessions: Sessions, *, caller: Caller, user_id: str) -> UserAudit:
    """Of oneself, or for an admin of anybody.

    Raises:
        NotFound: the caller asks for somebody else's.
    """
    if user_id != caller.user_id and not caller.is_admin:
        raise NotFound("there is no such user")
    async with transaction(sessions, tenant=user_id, role=AUDITOR) as session:
        rows = await totals_by_state(session)
        broken = await broken_objects_of(session, user_id)
    states: Counter[str] = Counter()
    for row in rows:
        states[row.state] += row.number
    return UserAudit(
        user_id=user_id,
        states=dict(states),
        totals=[_totals(currency, rows) for currency in sorted({row.currency for row in rows})],
        broken_chains=broken,
    )


def _totals(currency: str, rows: Any) -> UserTotals:  # noqa: ANN401 - rows of an aggregate query
    own = [row for row in rows if row.currency == currency]
    return UserTotals(
        currency=currency,
        transactions=sum(row.number for row in own),
        recovered_minor=sum(row.recovered for row in own),
        fee_minor=sum(row.fee for row in own),
        collected_minor=sum(row.collected for row in own),
        transferred_minor=sum(row.transferred for row in own),
        refunded_minor=sum(row.refunded for row in own),
    )
