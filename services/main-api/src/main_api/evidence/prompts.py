"""What each open case lacks, and why it matters: the money at stake and the days that are left."""

from collections import defaultdict
from collections.abc import Mapping

from main_api.case_facts.facts import Facts
from main_api.case_facts.reading import open_cases_now
from main_api.evidence import match_queries
from main_api.evidence.rules import MatchStatus, needs_of
from main_api.evidence.schemas import MissingEvidence, Prompt, Prompts
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_contracts.integrations.client import IntegrationsClient

MOST_PROMPTS = 200
"""A person works through a list from its top; the next reading shows the rest."""


async def list_prompts(
    sessions: Sessions, integrations: IntegrationsClient, *, user_id: str, clock: Clock
) -> Prompts:
    """Open cases that lack evidence, the nearest deadline first; expired ones are not asked about.

    Raises:
        Unavailable: integrations-backend does not answer and no cases were ever read.
    """
    open_now = await open_cases_now(sessions, integrations, user_id=user_id, clock=clock)
    async with transaction(sessions, tenant=user_id) as session:
        rows = await match_queries.kinds_by_case(session, user_id)
    known: dict[str, dict[str, str]] = defaultdict(dict)
    for case_id, kind, status in rows:
        known[case_id][kind] = status
    today = clock().date()
    prompts = []
    for case in open_now.cases:
        days_left = (case.deadline - today).days
        missing = _missing(case, known[case.case_id])
        if missing and days_left >= 0:
            prompts.append(_prompt(case, missing, days_left))
    return Prompts(
        items=prompts[:MOST_PROMPTS],
        as_of=open_now.as_of,
        complete=open_now.complete and len(prompts) <= MOST_PROMPTS,
    )


def _missing(case: Facts, known: Mapping[str, str]) -> list[MissingEvidence]:
    missing = []
    for need in needs_of(case.claim_type):
        found = {known[kind.value] for kind in need.kinds if kind.value in known}
        if MatchStatus.ACCEPTED.value in found:
            continue
        missing.append(
            MissingEvidence(
                name=need.name, kinds=sorted(need.kinds), why=need.why, proposed=bool(found)
            )
        )
    return missing


def _prompt(case: Facts, missing: list[MissingEvidence], days_left: int) -> Prompt:
    return Prompt(
        case_id=case.case_id,
        claim_type=case.claim_type,
        sku=case.sku,
        fnsku=case.fnsku,
        quantity=case.quantity,
        value_cents=case.value_minor,
        currency=case.currency,
        deadline=case.deadline.isoformat(),
        days_left=days_left,
        missing=missing,
    )
