"""An admin decides an objection: no fee, or the fee after all."""

from datetime import datetime

from main_api.accounts.collection import collection_of
from main_api.recoveries import queries
from main_api.recoveries.confirm import REQUEST_COMMISSION
from main_api.recoveries.errors import ObjectionDecided
from main_api.recoveries.rules import OBJECTION_UPHELD, Outcome
from main_api.recoveries.schemas import Decision, ObjectionView
from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.errors import NotFound
from opside_chassis.outbox import stage
from opside_chassis.pagination import Page, PageQuery, decode_cursor, encode_cursor
from opside_contracts.payments.messages import Collection


async def decide_objection(
    sessions: Sessions,
    *,
    recovery_row_id: str,
    decision: Decision,
    admin_id: str,
    default_mode: Collection,
    now: datetime,
) -> ObjectionView:
    """Upheld: no fee is ever asked for. Rejected: it is asked for when the review time is over.

    The same decision again answers the same.

    Raises:
        NotFound: there is no such objection.
        ObjectionDecided: it was decided otherwise.
    """
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        found = await queries.objection_of(session, recovery_row_id)
        if found is None:
            raise NotFound("there is no such objection")
        objection, recovery = found
        if objection.outcome is not None:
            if objection.outcome != decision.outcome:
                raise ObjectionDecided(f"it was {objection.outcome} on {objection.decided_at}")
            return ObjectionView.of(objection, recovery)
        objection.outcome = decision.outcome.value
        objection.note, objection.decided_by, objection.decided_at = decision.note, admin_id, now
        if decision.outcome is Outcome.UPHELD:
            recovery.not_charged_reason = OBJECTION_UPHELD
        else:
            mode = await collection_of(session, recovery.user_id, default_mode)
            await stage(
                session,
                REQUEST_COMMISSION,
                {"recoveryRowId": recovery.id, "collection": mode.value},
                tenant=recovery.user_id,
                due_at=recovery.review_until,
                dedupe_key=f"{REQUEST_COMMISSION}:{recovery.id}:rejected_objection",
            )
        return ObjectionView.of(objection, recovery)


async def list_objections(sessions: Sessions, page: PageQuery) -> Page[ObjectionView]:
    """One page of the objections that wait for a decision, of all sellers."""
    after = decode_cursor(page.cursor, parts=1)[0] if page.cursor else None
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        rows = await queries.open_objections(session, after=after, limit=page.limit)
    shown = rows[: page.limit]
    more = len(rows) > page.limit
    return Page[ObjectionView](
        items=[ObjectionView.of(*row) for row in shown],
        next_cursor=encode_cursor(shown[-1][1].id) if more else None,
    )
