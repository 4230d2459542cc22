"""A person resolves what no program may decide; what waited for it goes on."""

from datetime import datetime

from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.errors import NotFound
from opside_chassis.wire import AnswerModel
from stripe_payments.audit.cases import DISPUTE, resolve_case
from stripe_payments.commissions.access import nudge_transfer
from stripe_payments.roles import ADMIN


class ResolvedCase(AnswerModel):
    """A case, who resolved it, and why."""

    case_id: str
    kind: str
    reference: str
    resolved_by: str
    note: str
    resolved_at: datetime


async def resolve(sessions: Sessions, case_id: str, *, by: str, note: str) -> ResolvedCase:
    """Close a case with its reason, for ever; a share that a dispute held back is sent on.

    Raises:
        NotFound: there is no such open case.
    """
    # Every tenant: a case names an object, not whose it is.
    async with transaction(sessions, tenant=EVERY_TENANT, role=ADMIN) as session:
        found = await resolve_case(session, case_id, by=by, note=note)
        if found is None:
            raise NotFound("there is no such open case")
        if found.kind == DISPUTE:
            await nudge_transfer(session, found.reference)
    return ResolvedCase(
        case_id=found.id,
        kind=found.kind,
        reference=found.reference,
        resolved_by=by,
        note=note,
        resolved_at=found.closed_at,
    )
