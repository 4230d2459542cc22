"""Compare our book with Stripe's account, object by object and both ways, and keep what differs.

Stripe's balance transactions are its own book: every cent that moved is in them, whoever moved it. An
event that was never sent and an object that somebody made in the dashboard show up here all the same.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.outbox import stage
from stripe_payments.commissions.access import of_stripe_object
from stripe_payments.ledger.proof import commission_of_effect, moved_by_effect, platform_balance
from stripe_payments.reconciliation import queries
from stripe_payments.reconciliation.rules import BALANCE, Difference, Key, cause, differences
from stripe_payments.roles import JANITOR
from stripe_payments.stripe_api.gateway import BalanceChange, Stripe

COMPARE_BOOKS = "compare_books"
CHARGES = ("ch_", "py_")
LOOK_BACK = timedelta(days=3)
"""Three nights in a row may fail before anything is missed."""
ON_ITS_WAY = timedelta(minutes=10)
"""A younger difference is most likely a webhook or a job that has not run yet."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The result of one comparison."""

    objects: int
    differences: int
    """Open now, those that may only be on their way included."""


async def compare_books(
    sessions: Sessions, stripe: Stripe, *, since: datetime | None = None
) -> Compared:
    """Compare all that moved since then (three days by default), and every open break again.

    Raises:
        OutcomeUnknown: Stripe did not answer; nothing was changed.
    """
    since = since or datetime.now(UTC) - LOOK_BACK
    theirs = _sums(await stripe.balance_changes(since=since))
    balance = await stripe.balance()
    async with transaction(sessions, role=JANITOR) as session:
        recent = await moved_by_effect(session, since=since)
        known = await queries.open_references(session)
    # A sum may have begun before `since` on either side: ask again for whole sums before saying so.
    suspects = {(one.reference, one.currency) for one in differences(recent, theirs)} | known
    references = {reference for reference, _ in suspects if reference != BALANCE}
    whole = _sums(
        [change for one in sorted(references) for change in await stripe.balance_changes_of(one)]
    )
    async with transaction(sessions, role=JANITOR) as session:
        ours = await moved_by_effect(session, effects=references)
        whole |= {(BALANCE, currency): total for currency, total in balance.items()}
        ours |= {
            (BALANCE, name): total for name, total in (await platform_balance(session)).items()
        }
        found = differences(ours, whole)
        await _close_agreed(session, found, known=known)
    for one in found:
        await _keep(sessions, stripe, one)
    async with transaction(sessions, role=JANITOR) as session:
        await _look_again(session)
    return Compared(objects=len({*recent, *theirs}), differences=len(found))


async def _close_agreed(
    session: AsyncSession, found: Iterable[Difference], *, known: set[Key]
) -> None:
    for reference, currency in known - {(one.reference, one.currency) for one in found}:
        await queries.close_agreed(session, reference, currency)


async def _keep(sessions: Sessions, stripe: Stripe, found: Difference) -> None:
    """Open the break or see it again, with the transaction that it belongs to, if any."""
    intent_id = None
    if found.reference.startswith(CHARGES):
        intent_id = (await stripe.charge(found.reference)).intent_id
    # Every tenant: the object says whose it is.
    async with transaction(sessions, tenant=EVERY_TENANT, role=JANITOR) as session:
        owner = await commission_of_effect(session, found.reference)
        owner = owner or await of_stripe_object(session, found.reference)
        if owner is None and intent_id:
            owner = await of_stripe_object(session, intent_id)
        await queries.keep_difference(session, found, cause=cause(found), transaction_id=owner)


async def _look_again(session: AsyncSession) -> None:
    """Compare once more when what is on its way must have arrived."""
    now = datetime.now(UTC)
    if await queries.young_breaks(session, seen_since=now - ON_ITS_WAY):
        due = now + ON_ITS_WAY
        await stage(
            session,
            COMPARE_BOOKS,
            {},
            due_at=due,
            dedupe_key=f"{COMPARE_BOOKS}:{due:%Y-%m-%dT%H}:{due.minute // 10}",
        )


def _sums(changes: Iterable[BalanceChange]) -> dict[Key, int]:
    sums: dict[Key, int] = defaultdict(int)
    for change in changes:
        sums[change.source_id, change.currency] += change.net_minor
    return dict(sums)
