"""Accept the order to give a fee back: one clawback a reversal, one stored answer a key."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.idempotency import KeyScope, claim, fingerprint, store_answer
from opside_chassis.ids import new_id
from opside_chassis.service_token import ServiceIdentity, spend_token_id
from opside_contracts.payments.messages import ClawBackAccepted, ClawBackCommission
from stripe_payments.clawbacks import queries
from stripe_payments.clawbacks.errors import (
    MoreThanRecovered,
    NoSuchClawback,
    TakenBackOtherwise,
)
from stripe_payments.clawbacks.models import Clawback
from stripe_payments.clawbacks.rules import Step
from stripe_payments.commissions.access import Commission, find_locked
from stripe_payments.commissions.move import stage_clawbacks
from stripe_payments.roles import ADMIN, API

ACCEPTED = 202
ROUTE = "POST /api/v1/stripe/clawback"


@dataclass(frozen=True, slots=True)
class Orderer:
    """Who asks: a service with its token, which counts once, or an admin."""

    name: str
    token: ServiceIdentity | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to give, and whether it was given before."""

    body: str
    replayed: bool


async def request_clawback(
    sessions: Sessions, request: ClawBackCommission, *, key: str, orderer: Orderer
) -> Accepted:
    """One transaction: key with its final answer, clawback, and the job that performs it.

    Raises:
        NoSuchClawback: there is no such transaction.
        MoreThanRecovered: together, more would be taken back than was recovered.
        TakenBackOtherwise: the reversal is known with another amount.
        Unprocessable: the key was used for another request.
        Unauthenticated: the service token was used before.
    """
    asked = request.model_dump(mode="json", exclude={"idempotency_key"})
    scope = KeyScope(orderer.name, ROUTE, key)
    # Every tenant: a service and an admin act on any seller's transaction; the row says whose it is.
    role = ADMIN if orderer.token is None else API
    async with transaction(sessions, tenant=EVERY_TENANT, role=role) as session:
        if orderer.token is not None:
            await spend_token_id(session, orderer.token)
        stored = await claim(session, scope, fingerprint(asked))
        if stored is not None:
            return Accepted(stored.body, replayed=True)
        clawback, commission = await _clawback_of(session, request, key=key, orderer=orderer)
        body = _answer(clawback, commission).model_dump_json(by_alias=True)
        await store_answer(session, scope, status_code=ACCEPTED, body=body, resource_id=clawback.id)
        return Accepted(body, replayed=False)


async def _clawback_of(
    session: AsyncSession, request: ClawBackCommission, *, key: str, orderer: Orderer
) -> tuple[Clawback, Commission]:
    commission = await find_locked(session, request.transaction_id)
    if commission is None:
        raise NoSuchClawback("there is no such transaction")
    fresh = Clawback(
        id=new_id("clw"),
        user_id=commission.user_id,
        commission_id=commission.id,
        reversal_id=request.reversal_id or key,
        reason=request.reason,
        requested_by=orderer.name,
        taken_back_minor=request.refund_amount_cents,
        state=Step.REQUESTED.value,
    )
    if not await queries.insert_clawback(session, fresh):
        known = await queries.of_reversal(session, commission.id, fresh.reversal_id)
        if known.taken_back_minor != fresh.taken_back_minor:
            raise TakenBackOtherwise("this reversal is known with another amount")
        return known, commission
    left = commission.amount_minor - commission.taken_back_minor
    if fresh.taken_back_minor > left:
        raise MoreThanRecovered(
            "more would be taken back than was recovered",
            leftCents=left,
            currency=commission.currency,
        )
    commission.taken_back_minor += fresh.taken_back_minor
    await session.flush()
    await stage_clawbacks(session, commission)
    return fresh, commission


def _answer(clawback: Clawback, commission: Commission) -> ClawBackAccepted:
    return ClawBackAccepted(
        clawback_id=clawback.id,
        transaction_id=commission.id,
        reversal_id=clawback.reversal_id,
        status=clawback.state,
        refund_amount_cents=clawback.taken_back_minor,
        currency=commission.currency,
    )
