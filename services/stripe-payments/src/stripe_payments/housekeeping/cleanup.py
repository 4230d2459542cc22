"""Delete what is old enough, by retention class; the class wins over what was asked (ruling R11)."""

from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.wire import AnswerModel
from stripe_payments.audit.cases import note_person
from stripe_payments.housekeeping import queries
from stripe_payments.roles import ADMIN

KEY_DAYS = 30
"""Idempotency keys live at least so long, and as long as their transaction is not at rest."""
EVENT_DAYS = 365
"""Webhook events are kept a year."""
FINANCIAL_YEARS = 7
"""Journals and the audit trail; no call deletes younger ones, and none here deletes older ones either."""


class Cleaned(AnswerModel):
    """What was deleted, and what was kept and why."""

    days_to_keep: int
    deleted: dict[str, int]
    kept: dict[str, int]
    reasons: dict[str, str]


async def clean_up(sessions: Sessions, *, days_to_keep: int, by: str) -> Cleaned:
    """Safe to ask twice."""
    # Every tenant: age decides, not whose row it is.
    async with transaction(sessions, tenant=EVERY_TENANT, role=ADMIN) as session:
        deleted = await queries.forget_expired(
            session,
            key_days=max(days_to_keep, KEY_DAYS),
            event_days=max(days_to_keep, EVENT_DAYS),
        )
        kept = await queries.kept_counts(session, days=days_to_keep)
        await note_person(
            session, kind="cleaned_up", reference="cleanup", by=by, note=f"{days_to_keep} days"
        )
    return Cleaned(
        days_to_keep=days_to_keep,
        deleted=deleted,
        kept={
            "journals": kept.journals,
            "auditEntries": kept.audit,
            "webhookEvents": kept.events,
            "idempotencyKeys": kept.keys,
        },
        reasons={
            "journals": f"financial rows are kept {FINANCIAL_YEARS} years",
            "auditEntries": f"the audit trail is kept {FINANCIAL_YEARS} years",
            "webhookEvents": f"webhook events are kept {EVENT_DAYS} days",
            "idempotencyKeys": f"keys are kept {KEY_DAYS} days, and while their transaction is open",
        },
    )
