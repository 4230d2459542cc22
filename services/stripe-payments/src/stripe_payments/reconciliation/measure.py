"""How many of something there are now, for gauges: asked by every worker, so that none says old things."""

import asyncio
import logging

from sqlalchemy import text

from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from stripe_payments import metrics
from stripe_payments.roles import AUDITOR

EVERY_SECONDS = 60.0
AGES = ("hour", "day", "week", "older")
"""Less than an hour old, less than a day, ..."""

_BREAKS = text(
    """
    SELECT CASE WHEN first_seen_at > now() - interval '1 hour' THEN 'hour'
                WHEN first_seen_at > now() - interval '1 day' THEN 'day'
                WHEN first_seen_at > now() - interval '1 week' THEN 'week' ELSE 'older' END AS name,
           count(*) AS number
      FROM breaks WHERE closed_at IS NULL GROUP BY name
    """
)
_CASES = text(
    "SELECT kind AS name, count(*) AS number FROM cases WHERE closed_at IS NULL GROUP BY kind"
)
_ACCOUNTS = text(
    """
    SELECT CASE WHEN transfers_active THEN 'active' WHEN details_submitted THEN 'submitted'
                ELSE 'begun' END AS name, count(*) AS number
      FROM stripe_accounts GROUP BY name
    """
)
_SUBSCRIPTIONS = text(
    "SELECT status AS name, count(*) AS number FROM stripe_subscriptions GROUP BY status"
)

logger = logging.getLogger(__name__)


class Measurer:
    """Sets the gauges of this process."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._known: dict[str, set[str]] = {"age": set(AGES)}

    async def run(self) -> None:
        """Every minute until cancelled; a failure is logged and tried again."""
        while True:
            try:
                await self.measure()
            except Exception as error:
                logger.warning("could not measure", exc_info=error)
            await asyncio.sleep(EVERY_SECONDS)

    async def measure(self) -> None:
        """Once; what there was before and is no more becomes zero."""
        for gauge, attribute, query in (
            (metrics.open_breaks, "age", _BREAKS),
            (metrics.open_cases, "kind", _CASES),
            (metrics.accounts, "state", _ACCOUNTS),
            (metrics.subscriptions, "status", _SUBSCRIPTIONS),
        ):
            # Every tenant: these are numbers of the whole house.
            async with transaction(self._sessions, tenant=EVERY_TENANT, role=AUDITOR) as session:
                counted = {row.name: row.number for row in await session.execute(query)}
            known = self._known.setdefault(attribute, set())
            known |= set(counted)
            for name in known:
                gauge.set(counted.get(name, 0), {attribute: name})
