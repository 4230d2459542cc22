"""Ask a person to look at what no program could finish."""

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.accounts import queries
from main_api.accounts.models import HumanCase
from opside_chassis.ids import new_id
from opside_chassis.outbox import StagedJob


async def open_case_for_job(session: AsyncSession, job: StagedJob, error: str) -> None:
    """Called when a job is parked, in the same transaction."""
    case = HumanCase(
        id=new_id("hum"), kind=f"parked:{job.kind}", reference=job.id, reason=error[:500]
    )
    await queries.open_case(session, case)
