"""Start a sync; a running one is answered again."""

from integrations_backend.connections.access import connected_seller
from integrations_backend.reports.kinds import REQUESTED_REPORTS
from integrations_backend.sync import queries
from integrations_backend.sync.errors import NotConnected
from integrations_backend.sync.rules import Step
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_chassis.ids import new_id
from opside_chassis.outbox import stage

ADVANCE_SYNC = "advance_sync"


async def start_sync(sessions: Sessions, *, user_id: str, reason: str, clock: Clock) -> str:
    """The id of the seller's running sync, started now if none runs.

    Raises:
        NotConnected: the seller's Amazon account is not connected.
    """
    seller = await connected_seller(sessions, user_id)
    if seller is None:
        raise NotConnected("connect your Amazon account first")
    sync_id, now = new_id("syn"), clock()
    async with transaction(sessions, tenant=user_id) as session:
        values = {
            "id": sync_id,
            "user_id": user_id,
            "marketplace_id": seller.marketplace_id,
            "step": Step.FETCH.value,
            "started_at": now,
            "audit": {"entries": [{"step": "started", "reason": reason, "at": now.isoformat()}]},
        }
        if not await queries.insert_sync(session, values):
            running = await queries.running_sync(session, user_id)
            if running is not None:
                return running.id
            raise NotConnected("a sync has just ended; start again")
        await queries.add_reports(
            session,
            [
                {
                    "sync_id": sync_id,
                    "report_key": report_type,
                    "report_type": report_type,
                    "user_id": user_id,
                }
                for report_type in REQUESTED_REPORTS
            ],
        )
        await stage(session, ADVANCE_SYNC, {"syncId": sync_id, "step": "fetch"}, tenant=user_id)
    return sync_id
