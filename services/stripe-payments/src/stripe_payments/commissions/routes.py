"""Charging (services only) and reading transactions."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.idempotency import REPLAYED_HEADER, required_key
from opside_chassis.ids import is_id
from opside_chassis.pagination import Page, PageQuery
from opside_chassis.service_token import ServiceIdentity
from opside_chassis.wire import Reference
from opside_contracts import scopes
from opside_contracts.payments.messages import (
    ChargeCommission,
    CommissionAccepted,
    CommissionView,
)
from stripe_payments.audit.trail import AuditLine, read_trail
from stripe_payments.commissions.charge import ACCEPTED, FeePolicy, charge_commission
from stripe_payments.commissions.listing import list_transactions, read_transaction
from stripe_payments.commissions.rates import (
    AgreedRate,
    AgreeRate,
    SellerRates,
    agree_rate,
    agreed_rates,
)
from stripe_payments.dependencies import Runtime, runtime

router = APIRouter()
Member = Annotated[Caller, Depends(access.member())]
Admin = Annotated[Caller, Depends(access.admin())]
Parts = Annotated[Runtime, Depends(runtime)]


async def seller_rates(request: Request) -> SellerRates:
    """The rates of this process."""
    rates: SellerRates = request.app.state.seller_rates
    return rates


Rates = Annotated[SellerRates, Depends(seller_rates)]


@router.post(
    "/api/v1/stripe/charge-commission",
    status_code=ACCEPTED,
    response_model=CommissionAccepted,
)
async def charge(
    request: ChargeCommission,
    service: Annotated[ServiceIdentity, Depends(access.service_only(scopes.CHARGE_COMMISSION))],
    parts: Parts,
    rates: Rates,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> Response:
    """Accept our fee on one recovery; the same key brings the same answer, byte for byte."""
    rate_bp = await rates.of(request.user_id, default_bp=parts.settings.rate_bp)
    accepted = await charge_commission(
        parts.database.sessions,
        request,
        key=required_key(idempotency_key, request.idempotency_key),
        service=service,
        policy=FeePolicy(rate_bp, parts.settings.collection_mode),
    )
    headers = {REPLAYED_HEADER: "true"} if accepted.replayed else {}
    return Response(
        accepted.body, status_code=ACCEPTED, media_type="application/json", headers=headers
    )


class TransactionView(CommissionView):
    """One commission with all that happened to it, oldest first."""

    audit_trail: list[AuditLine]


@router.get("/api/v1/stripe/transactions/{reference}")
async def read_by_reference(
    reference: str, caller: Member, parts: Parts, page: Annotated[PageQuery, Query()]
) -> TransactionView | Page[CommissionView]:
    """One transaction (`txn_...`) with its trail, or the transactions of a user (ruling R5)."""
    sessions = parts.database.sessions
    if is_id(reference, "txn"):
        found = await read_transaction(sessions, caller=caller, transaction_id=reference)
        trail = await read_trail(sessions, tenant=found.user_id, transaction_id=reference)
        return TransactionView(**found.model_dump(), audit_trail=trail.entries)
    return await list_transactions(sessions, caller=caller, user_id=reference, page=page)


@router.get("/api/v1/stripe/users/{user_id}/transactions")
async def read_of_user(
    user_id: str, caller: Member, parts: Parts, page: Annotated[PageQuery, Query()]
) -> Page[CommissionView]:
    """The transactions of a user, newest first."""
    return await list_transactions(
        parts.database.sessions, caller=caller, user_id=user_id, page=page
    )


@router.get("/api/v1/stripe/rates")
async def read_rates(_admin: Admin, parts: Parts) -> list[AgreedRate]:
    """Sellers with a rate of their own."""
    return await agreed_rates(parts.database.sessions)


@router.put("/api/v1/stripe/rates/{user_id}")
async def put_rate(user_id: Reference, body: AgreeRate, admin: Admin, parts: Parts) -> AgreedRate:
    """Agree a rate with a seller, for fees that are asked for from now on."""
    return await agree_rate(parts.database.sessions, user_id, body, by=admin.user_id)
