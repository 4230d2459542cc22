"""The statement of one transaction: what happened, who caused it, which Stripe object proves it."""

from datetime import datetime
from itertools import groupby

from opside_chassis.access import Caller
from opside_chassis.database import Sessions, transaction
from opside_chassis.wire import AnswerModel
from opside_contracts.payments.messages import CommissionView
from stripe_payments.audit.trail import AuditTrail, read_trail
from stripe_payments.clawbacks.access import clawbacks_of
from stripe_payments.commissions.listing import read_transaction, tenant_of
from stripe_payments.ledger.proof import lines_of_commission
from stripe_payments.roles import AUDITOR


class StatementPosting(AnswerModel):
    """A line of a journal; debits positive, minor units."""

    account: str
    currency: str
    amount_minor: int


class StatementJournal(AnswerModel):
    """One booked effect and the Stripe object, or clawback, that proves it."""

    journal_id: str
    kind: str
    proof: str
    booked_at: datetime
    postings: list[StatementPosting]


class StatementClawback(AnswerModel):
    """One reversal by Amazon and what it gave back; minor units."""

    clawback_id: str
    reversal_id: str
    reason: str
    requested_by: str
    status: str
    taken_back_minor: int
    fee_back_minor: int
    reversed_minor: int
    refunded_minor: int
    transfer_reversal_id: str | None
    refund_id: str | None


class TransactionStatement(AnswerModel):
    """Everything about one transaction."""

    transaction: CommissionView
    journals: list[StatementJournal]
    clawbacks: list[StatementClawback]
    trails: list[AuditTrail]
    """Of the transaction and of each clawback."""


async def state_transaction(
    sessions: Sessions, *, caller: Caller, transaction_id: str
) -> TransactionStatement:
    """Its whole history.

    Raises:
        NoSuchTransaction: unknown, or of somebody else.
    """
    view = await read_transaction(sessions, caller=caller, transaction_id=transaction_id)
    tenant = tenant_of(caller)
    async with transaction(sessions, tenant=tenant, role=AUDITOR) as session:
        lines = await lines_of_commission(session, transaction_id)
        clawbacks = await clawbacks_of(session, transaction_id)
    journals = [
        StatementJournal(
            journal_id=journal_id,
            kind=kind,
            proof=effect,
            booked_at=booked_at,
            postings=[
                StatementPosting(
                    account=line.account, currency=line.currency, amount_minor=line.amount_minor
                )
                for line in rows
            ],
        )
        for (journal_id, kind, effect, booked_at), rows in groupby(
            lines, key=lambda line: (line.id, line.kind, line.effect, line.booked_at)
        )
    ]
    return TransactionStatement(
        transaction=view,
        journals=journals,
        clawbacks=[
            StatementClawback(
                clawback_id=one.id,
                reversal_id=one.reversal_id,
                reason=one.reason,
                requested_by=one.requested_by,
                status=one.state,
                taken_back_minor=one.taken_back_minor,
                fee_back_minor=one.fee_back_minor,
                reversed_minor=one.reverse_minor,
                refunded_minor=one.refund_minor,
                transfer_reversal_id=one.transfer_reversal_id,
                refund_id=one.refund_id,
            )
            for one in clawbacks
        ],
        trails=[
            await read_trail(sessions, tenant=tenant, transaction_id=object_id)
            for object_id in (transaction_id, *(one.id for one in clawbacks))
        ],
    )
