"""Every hour, for every seller: drafts before deadlines, and what can no longer be filed expires."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from main_api.accounts.sellers import connected_sellers
from main_api.case_facts.reading import open_cases_now
from main_api.evidence.match import MATCH_EVIDENCE
from main_api.filings import queries
from main_api.filings.draft import add_drafts
from main_api.filings.radar import Waiting, money_at_risk, not_filed
from main_api.filings.rules import DRAFT_AHEAD_DAYS, GRACE_DAYS, MACHINE, FilingState
from main_api.notifications.notify import LetterTerms, notify
from main_api.notifications.rules import Kind, Notice
from opside_chassis.clock import Clock
from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.money import Money
from opside_chassis.outbox import StagedJob, fence, stage
from opside_contracts.integrations.client import IntegrationsClient

WATCH_EVERYBODY = "watch_everybodys_deadlines"
WATCH_SELLER = "watch_deadlines"
WATCH_EVERY_SECONDS = 3_600
WARN_AHEAD_DAYS = 7
"""A seller works a few days a week: one of them is left."""


async def watch_everybody(sessions: Sessions, job: StagedJob) -> None:
    """Stage a watch for every seller with a connected account or an unfiled filing."""
    connected = await connected_sellers(sessions)
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        await fence(session, job)
        for user_id in sorted({*connected, *await queries.sellers_with_unfiled(session)}):
            await stage(session, WATCH_SELLER, {}, tenant=user_id)


async def watch_seller(
    sessions: Sessions,
    integrations: IntegrationsClient,
    job: StagedJob,
    *,
    letters: LetterTerms,
    clock: Clock,
) -> None:
    """Expire, then draft, warn of what ends soon, and have documents matched to what is new.

    Expiry needs nobody else: it happens also while integrations-backend does not answer.

    Raises:
        Unavailable: integrations-backend does not answer and nothing was ever read; tried again.
    """
    user_id, today = job.tenant or "", clock().date()
    await expire_overdue(sessions, user_id=user_id, today=today)
    known = await open_cases_now(sessions, integrations, user_id=user_id, clock=clock)
    soon = [
        case
        for case in known.cases
        if today <= case.deadline <= today + timedelta(days=DRAFT_AHEAD_DAYS)
        and case.opens_on <= today
    ]
    async with transaction(sessions, tenant=user_id) as session:
        await fence(session, job)
        await add_drafts(session, soon, user_id=user_id, by=MACHINE)
        states = await queries.states_by_case(session, user_id)
        for notice in deadline_notices(not_filed(soon, states), today):
            await notify(session, user_id=user_id, notice=notice, terms=letters)
        await stage(session, MATCH_EVIDENCE, {}, tenant=user_id)


def deadline_notices(waiting: Sequence[Waiting], today: date) -> Iterator[Notice]:
    """One a day and currency that ends within the week; its key is told once, however often it is due."""
    for row in money_at_risk(waiting, today):
        if row.days_left > WARN_AHEAD_DAYS:
            continue
        worth = str(Money(row.value_cents, row.currency)) if row.value_cents else "of unknown value"
        count = f"{row.cases} claim{'s' * (row.cases > 1)}"
        yield Notice(
            Kind.DEADLINE,
            f"deadline:{row.date}:{row.currency}",
            f"{count} must be filed by {row.date}",
            f"{worth} is lost after that day. The packets are drafted: check them and file them.",
        )


async def expire_overdue(sessions: Sessions, *, user_id: str, today: date) -> int:
    """What was not filed in time can no longer be; answers how many that are."""
    async with transaction(sessions, tenant=user_id) as session:
        late = await queries.overdue(
            session, user_id=user_id, before=today - timedelta(days=GRACE_DAYS)
        )
        for filing in late:
            filing.state = FilingState.EXPIRED.value
            await queries.save(session, filing, changed_by=MACHINE)
    return len(late)
