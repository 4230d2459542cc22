"""Where all the money stands, and what waits for a person."""

from datetime import UTC, datetime
from typing import Any

from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.wire import AnswerModel
from stripe_payments.audit.cases import HumanCase, open_cases
from stripe_payments.commissions.access import totals_by_state
from stripe_payments.reconciliation import queries
from stripe_payments.reconciliation.compare import ON_ITS_WAY
from stripe_payments.roles import AUDITOR

MOST_SHOWN = 100


class StateTotals(AnswerModel):
    """Commissions of one currency, collection and state; sums in minor units."""

    currency: str
    collection: str
    state: str
    number: int
    recovered_minor: int
    fee_minor: int
    collected_minor: int
    transferred_minor: int
    refunded_minor: int


class OpenBreak(AnswerModel):
    """One difference between our book and Stripe's."""

    break_id: str
    reference: str
    currency: str
    cause: str
    ours_minor: int
    theirs_minor: int
    transaction_id: str | None
    age_seconds: int
    mend: str
    """The one call that mends it."""


class OpenCase(AnswerModel):
    """Something that a person must look at."""

    case_id: str
    kind: str
    reference: str
    reason: str
    age_seconds: int
    mend: str
    """The call that resolves it, once a person has dealt with it."""


class Summary(AnswerModel):
    """Everything of every seller, now. At most 100 breaks and cases, oldest first."""

    states: list[StateTotals]
    breaks: list[OpenBreak]
    cases: list[OpenCase]


async def summarize(sessions: Sessions) -> Summary:
    """Recomputed from the rows; differences that may only be on their way are left out."""
    now = datetime.now(UTC)
    # Every tenant: this is the whole house.
    async with transaction(sessions, tenant=EVERY_TENANT, role=AUDITOR) as session:
        states = [_state_totals(row) for row in await totals_by_state(session)]
        breaks = await queries.open_breaks(session, seen_before=now - ON_ITS_WAY, limit=MOST_SHOWN)
        cases = await open_cases(session, limit=MOST_SHOWN)
    return Summary(
        states=states,
        breaks=[
            OpenBreak(
                break_id=one.id,
                reference=one.reference,
                currency=one.currency,
                cause=one.cause,
                ours_minor=one.ours_minor,
                theirs_minor=one.theirs_minor,
                transaction_id=one.transaction_id,
                age_seconds=int((now - one.first_seen_at).total_seconds()),
                mend=_mend(one.id, one.transaction_id),
            )
            for one in breaks
        ],
        cases=[_open_case(one, now) for one in cases],
    )


async def cases_now(sessions: Sessions) -> list[OpenCase]:
    """What waits for a person, oldest first."""
    now = datetime.now(UTC)
    async with transaction(sessions, role=AUDITOR) as session:
        return [_open_case(one, now) for one in await open_cases(session, limit=MOST_SHOWN)]


def _open_case(case: HumanCase, now: datetime) -> OpenCase:
    return OpenCase(
        case_id=case.id,
        kind=case.kind,
        reference=case.reference,
        reason=case.reason,
        age_seconds=int((now - case.opened_at).total_seconds()),
        mend=f"POST /api/v1/stripe/cases/{case.id}/resolve",
    )


def _mend(break_id: str, transaction_id: str | None) -> str:
    return f"POST /api/v1/stripe/breaks/{break_id}/{'mend' if transaction_id else 'close'}"


def _state_totals(row: Any) -> StateTotals:  # noqa: ANN401 - a row of an aggregate query
    return StateTotals(
        currency=row.currency,
        collection=row.collection,
        state=row.state,
        number=row.number,
        recovered_minor=row.recovered,
        fee_minor=row.fee,
        collected_minor=row.collected,
        transferred_minor=row.transferred,
        refunded_minor=row.refunded,
    )
