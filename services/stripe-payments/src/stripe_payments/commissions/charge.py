"""Accept a request for our fee: one commission a recovery, one stored answer a key."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.acceptance import Acceptance, accept_at_once
from opside_chassis.database import Sessions, transaction
from opside_chassis.idempotency import KeyScope, StoredAnswer, claim, fingerprint, store_answer
from opside_chassis.ids import new_id
from opside_chassis.service_token import ServiceIdentity, spend_token_id
from opside_contracts.payments.messages import ChargeCommission, Collection, CommissionAccepted
from stripe_payments.commissions import queries
from stripe_payments.commissions.errors import ChargedOtherwise
from stripe_payments.commissions.models import Commission
from stripe_payments.commissions.move import (
    FIRST_VERSION,
    collect_job,
    deadline,
    stage_collect,
    tell,
)
from stripe_payments.commissions.rules import (
    State,
    charge_amount,
    is_waived,
    public_status,
    split,
)

ACCEPTED = 202
ROUTE = "POST /api/v1/stripe/charge-commission"
BELOW_MINIMUM = "below the smallest amount that Stripe charges"


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """What holds where a request says nothing."""

    rate_bp: int
    collection: Collection


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to give, and whether it was given before."""

    body: str
    replayed: bool


async def charge_commission(
    sessions: Sessions,
    request: ChargeCommission,
    *,
    key: str,
    service: ServiceIdentity,
    policy: FeePolicy,
) -> Accepted:
    """One transaction: key with its final answer, commission, and the job that collects it.

    The usual request takes one statement; repeats, and fees too small to charge, go step by step.

    Raises:
        Unprocessable: the key was used for another request.
        ChargedOtherwise: this recovery has a commission with other figures.
        Unauthenticated: the service token was used before.
    """
    scope = KeyScope(service.service, ROUTE, key)
    digest = fingerprint(request.model_dump(mode="json", exclude={"idempotency_key"}))
    fresh = _fresh(request, policy)
    if State(fresh.state) is State.ACCEPTED:
        acceptance = _acceptance(fresh, scope, digest, service)
        if await accept_at_once(sessions, acceptance):
            return Accepted(acceptance.answer.body, replayed=False)
    async with transaction(sessions, tenant=request.user_id) as session:
        await spend_token_id(session, service)
        stored = await claim(session, scope, digest)
        if stored is not None:
            return Accepted(stored.body, replayed=True)
        commission = await _commission_of(session, fresh)
        body = _answer(commission)
        await store_answer(
            session, scope, status_code=ACCEPTED, body=body, resource_id=commission.id
        )
        return Accepted(body, replayed=False)


def _acceptance(
    fresh: Commission, scope: KeyScope, digest: str, service: ServiceIdentity
) -> Acceptance:
    return Acceptance(
        tenant=fresh.user_id,
        service=service,
        scope=scope,
        fingerprint=digest,
        answer=StoredAnswer(ACCEPTED, _answer(fresh), fresh.id),
        table=Commission.__tablename__,
        row=queries.values_of(fresh),
        job=collect_job(fresh.id, version=FIRST_VERSION),
    )


async def _commission_of(session: AsyncSession, fresh: Commission) -> Commission:
    if not await queries.insert_commission(session, fresh):
        known = await queries.of_recovery(
            session,
            user_id=fresh.user_id,
            claim_id=fresh.claim_id,
            recovery_id=fresh.recovery_id,
        )
        if (known.amount_minor, known.currency) != (fresh.amount_minor, fresh.currency):
            raise ChargedOtherwise(
                "this recovery has a commission with another amount or currency",
                transactionId=known.id,
            )
        return known
    stored = await queries.lock(session, fresh.id)
    if State(stored.state) is State.WAIVED:
        await tell(session, stored)
    else:
        await stage_collect(session, stored)
    return stored


def _fresh(request: ChargeCommission, policy: FeePolicy) -> Commission:
    collection = request.collection or policy.collection
    fee, share = split(request.amount_recovered_cents, policy.rate_bp)
    charged = charge_amount(request.amount_recovered_cents, fee, collection)
    waived = is_waived(charged, request.currency)
    state = State.WAIVED if waived else State.ACCEPTED
    return Commission(
        id=new_id("txn"),
        user_id=request.user_id,
        claim_id=request.claim_id,
        recovery_id=request.recovery_id or request.claim_id,
        amount_minor=request.amount_recovered_cents,
        currency=request.currency,
        rate_bp=policy.rate_bp,
        fee_minor=fee,
        share_minor=share,
        collection=collection.value,
        charge_minor=charged,
        state=state.value,
        deadline_at=deadline(state),
        customer_id=request.customer_id,
        payment_method_id=request.payment_method_id,
        failure_reason=BELOW_MINIMUM if waived else None,
    )


def _answer(commission: Commission) -> str:
    collection = Collection(commission.collection)
    return CommissionAccepted(
        transaction_id=commission.id,
        status=public_status(State(commission.state), collection),
        collection=collection,
        amount_recovered_cents=commission.amount_minor,
        platform_fee_cents=commission.fee_minor,
        seller_payout_cents=commission.share_minor,
        rate_bp=commission.rate_bp,
        currency=commission.currency,
    ).model_dump_json(by_alias=True)
