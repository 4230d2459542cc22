"""Deadline radar: how much money each day takes away, unless a person files before it ends."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from main_api.case_facts.facts import Facts
from main_api.case_facts.reading import OpenCases, open_cases, open_cases_now
from main_api.filings import queries
from main_api.filings.rules import UNFILED, FilingState
from main_api.filings.schemas import Radar, RadarCase, RadarDay
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_contracts.integrations.client import IntegrationsClient

MOST_CASES_SHOWN = 200
"""A person works through a list from its top; the days' sums count all of them."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An open case that is not filed, with its filing if there is one."""

    case: Facts
    filing_id: str | None
    state: FilingState | None


async def read_radar(
    sessions: Sessions,
    integrations: IntegrationsClient,
    *,
    user_id: str,
    days: int,
    clock: Clock,
) -> Radar:
    """The next so many days.

    Raises:
        Unavailable: integrations-backend does not answer and no cases were ever read.
    """
    open_now = await open_cases_now(sessions, integrations, user_id=user_id, clock=clock)
    today = clock().date()
    waiting = await _waiting(
        sessions, open_now, user_id=user_id, start=today, end=today + timedelta(days=days)
    )
    return Radar(
        days=money_at_risk(waiting, today),
        cases=[_shown(one, today) for one in waiting[:MOST_CASES_SHOWN]],
        as_of=open_now.as_of,
        complete=open_now.complete and len(waiting) <= MOST_CASES_SHOWN,
    )


async def deadlines(
    sessions: Sessions, *, user_id: str, start: date, end: date
) -> tuple[OpenCases, list[Waiting]]:
    """What was read last of the seller's unfiled cases whose deadline lies in these days."""
    known = await open_cases(sessions, user_id=user_id)
    return known, await _waiting(sessions, known, user_id=user_id, start=start, end=end)


async def _waiting(
    sessions: Sessions, known: OpenCases, *, user_id: str, start: date, end: date
) -> list[Waiting]:
    async with transaction(sessions, tenant=user_id) as session:
        states = await queries.states_by_case(session, user_id)
    return not_filed((case for case in known.cases if start <= case.deadline <= end), states)


def not_filed(cases: Iterable[Facts], states: Mapping[str, tuple[str, str]]) -> list[Waiting]:
    """Those of the cases that a person may still file, with their filings."""
    waiting = []
    for case in cases:
        filing_id, state = states.get(case.case_id, (None, None))
        if state is None:
            waiting.append(Waiting(case, None, None))
        elif FilingState(state) in UNFILED:
            waiting.append(Waiting(case, filing_id, FilingState(state)))
    return waiting


def money_at_risk(waiting: Iterable[Waiting], today: date) -> list[RadarDay]:
    """One row a day and currency, the nearest first; unknown values are counted, never guessed."""
    groups: dict[tuple[date, str], list[Waiting]] = {}
    for one in waiting:
        groups.setdefault((one.case.deadline, one.case.currency), []).append(one)
    return [
        RadarDay(
            date=day,
            days_left=(day - today).days,
            currency=currency,
            value_cents=sum(one.case.value_minor or 0 for one in group),
            cases=len(group),
            unknown_value_cases=sum(one.case.value_minor is None for one in group),
            drafted=sum(one.state is FilingState.DRAFTED for one in group),
            ready=sum(one.state is FilingState.READY for one in group),
        )
        for (day, currency), group in sorted(groups.items())
    ]


def _shown(one: Waiting, today: date) -> RadarCase:
    return RadarCase(
        case_id=one.case.case_id,
        claim_type=one.case.claim_type,
        quantity=one.case.quantity,
        value_cents=one.case.value_minor,
        currency=one.case.currency,
        deadline=one.case.deadline,
        days_left=(one.case.deadline - today).days,
        filing_id=one.filing_id,
        state=one.state,
    )
