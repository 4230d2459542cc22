"""Read a seller's open cases from integrations-backend, and answer what was read last."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.case_facts import queries
from main_api.case_facts.facts import Facts
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import TooManyRequests, Unavailable
from opside_contracts.integrations.client import IntegrationsClient

FRESH_FOR_SECONDS = 60
"""A seller who looks at several lists in a row asks integrations-backend once."""
MOST_PAGES = 50
"""Of a hundred cases: a seller with more than 5,000 open ones is told that the list is cut."""


@dataclass(frozen=True, slots=True)
class OpenCases:
    """A seller's open cases as of a moment, the nearest deadline first; None: never read."""

    cases: tuple[Facts, ...]
    as_of: datetime | None
    complete: bool


async def read_open_cases(
    sessions: Sessions, integrations: IntegrationsClient, *, user_id: str, clock: Clock
) -> None:
    """Ask for the seller's open cases and keep them; an older reading never replaces a newer one."""
    began = clock()
    facts: dict[str, Facts] = {}
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = await integrations.list_open_cases(user_id=user_id, cursor=cursor)
        # Cases may move between pages while we read: each counts once.
        facts |= {case.case_id: Facts.told(case) for case in page.items}
        cursor = page.next_cursor
        if cursor is None:
            break
    async with transaction(sessions, tenant=user_id) as session:
        newest = await queries.note_reading(
            session, user_id=user_id, read_at=began, complete=cursor is None
        )
        if newest:
            await queries.replace_facts(session, list(facts.values()), user_id=user_id)


async def open_cases_now(
    sessions: Sessions, integrations: IntegrationsClient, *, user_id: str, clock: Clock
) -> OpenCases:
    """The open cases, read anew when the last reading is old; that one when nobody answers.

    Raises:
        Unavailable: integrations-backend does not answer and nothing was ever read.
    """
    known = await open_cases(sessions, user_id=user_id)
    if known.as_of is not None and clock() - known.as_of < timedelta(seconds=FRESH_FOR_SECONDS):
        return known
    try:
        await read_open_cases(sessions, integrations, user_id=user_id, clock=clock)
    except (Unavailable, TooManyRequests):
        if known.as_of is None:
            raise
        return known
    return await open_cases(sessions, user_id=user_id)


async def open_cases(sessions: Sessions, *, user_id: str) -> OpenCases:
    """What was read last."""
    async with transaction(sessions, tenant=user_id) as session:
        reading = await queries.reading_of(session, user_id)
        rows = await queries.facts_of(session, user_id=user_id)
    return OpenCases(
        cases=tuple(Facts.stored(row) for row in rows),
        as_of=reading.read_at if reading else None,
        complete=reading.complete if reading else False,
    )


async def known_facts(
    session: AsyncSession, *, user_id: str, case_ids: Sequence[str]
) -> dict[str, Facts]:
    """What was last read of these cases, by case id; those that are not open are missing."""
    rows = await queries.facts_of(session, user_id=user_id, case_ids=case_ids)
    return {row.case_id: Facts.stored(row) for row in rows}
