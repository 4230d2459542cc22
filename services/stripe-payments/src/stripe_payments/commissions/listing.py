"""Reading commissions."""

from opside_chassis.access import Caller
from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.pagination import Page, PageQuery, decode_cursor, encode_cursor
from opside_contracts.payments.messages import Collection, CommissionView, NextStep
from stripe_payments.commissions import queries
from stripe_payments.commissions.errors import NoSuchTransaction
from stripe_payments.commissions.models import Commission
from stripe_payments.commissions.rules import State, public_status


def tenant_of(caller: Caller) -> str:
    """Whose rows the caller may see: his own, or everybody's for an admin."""
    return EVERY_TENANT if caller.is_admin else caller.user_id


async def read_transaction(
    sessions: Sessions, *, caller: Caller, transaction_id: str
) -> CommissionView:
    """One commission.

    Raises:
        NoSuchTransaction: unknown, or of somebody else.
    """
    async with transaction(sessions, tenant=tenant_of(caller)) as session:
        found = await queries.by_id(session, transaction_id)
    if found is None:
        raise NoSuchTransaction("there is no such transaction")
    return view(found)


async def list_transactions(
    sessions: Sessions, *, caller: Caller, user_id: str, page: PageQuery
) -> Page[CommissionView]:
    """One page of a user's commissions, newest first.

    Raises:
        NoSuchTransaction: the caller asks for somebody else's.
    """
    if user_id != caller.user_id and not caller.is_admin:
        raise NoSuchTransaction("there is no such user")
    before = decode_cursor(page.cursor, parts=1)[0] if page.cursor else None
    async with transaction(sessions, tenant=user_id) as session:
        rows = await queries.page_of_user(session, user_id=user_id, before=before, limit=page.limit)
    shown = rows[: page.limit]
    more = len(rows) > page.limit
    return Page[CommissionView](
        items=[view(row) for row in shown],
        next_cursor=encode_cursor(shown[-1].id) if more else None,
    )


def view(row: Commission) -> CommissionView:
    """A stored commission as it is told."""
    collection = Collection(row.collection)
    return CommissionView(
        transaction_id=row.id,
        user_id=row.user_id,
        claim_id=row.claim_id,
        recovery_id=row.recovery_id,
        status=public_status(State(row.state), collection),
        state=row.state,
        collection=collection,
        next_step=NextStep(row.next_step),
        amount_recovered_cents=row.amount_minor,
        platform_fee_cents=row.fee_minor,
        seller_payout_cents=row.share_minor,
        collected_cents=row.collected_minor,
        transferred_cents=row.transferred_minor,
        refunded_cents=row.refunded_minor,
        rate_bp=row.rate_bp,
        currency=row.currency,
        payment_intent_id=row.intent_id,
        charge_id=row.charge_id,
        transfer_id=row.transfer_id,
        failure_reason=row.failure_reason,
        created_at=row.created_at.isoformat(),
        updated_at=row.updated_at.isoformat(),
    )
