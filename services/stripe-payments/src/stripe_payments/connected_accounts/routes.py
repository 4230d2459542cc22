"""Connect accounts: created silently by integrations-backend, completed by the seller."""

from typing import Annotated

from fastapi import APIRouter, Depends

from opside_chassis import access
from opside_chassis.access import Caller
from opside_chassis.errors import Forbidden, NotFound
from opside_chassis.service_token import ServiceIdentity
from opside_contracts import scopes
from opside_contracts.payments.messages import ConnectAccount, ConnectedAccount
from stripe_payments.connected_accounts.connect import (
    OnboardingPage,
    account_status,
    connect_account,
    onboarding_page,
    refuse_foreign_urls,
)
from stripe_payments.dependencies import Runtime, runtime
from stripe_payments.stripe_api.errors import told_to_callers

router = APIRouter()
Member = Annotated[Caller, Depends(access.member())]
Parts = Annotated[Runtime, Depends(runtime)]
ServiceOrMember = Annotated[
    ServiceIdentity | Caller, Depends(access.service_or_member(scopes.CONNECT_ACCOUNT))
]


@router.post("/api/v1/stripe/connect")
async def connect(
    request: ConnectAccount, caller: ServiceOrMember, parts: Parts
) -> ConnectedAccount:
    """Create or link the seller's account; a repeat answers the same one."""
    speaks_for = caller.user_id if isinstance(caller, Caller) else caller.act_for
    if speaks_for != request.user_id:
        raise Forbidden("an account can be connected for oneself only")
    refuse_foreign_urls(request, app_url=parts.settings.app_url)
    with told_to_callers():
        return await connect_account(parts.database.sessions, parts.stripe, request)


@router.get("/api/v1/stripe/status/{user_id}")
async def read_status(user_id: str, caller: Member, parts: Parts) -> ConnectedAccount:
    """What the seller's account can do."""
    if user_id != caller.user_id and not caller.is_admin:
        raise NotFound("there is no such user")
    return await account_status(parts.database.sessions, user_id=user_id)


@router.post("/api/v1/stripe/onboarding-link", status_code=201)
async def create_link(caller: Member, parts: Parts) -> OnboardingPage:
    """A fresh page of Stripe's where the seller completes his account."""
    with told_to_callers():
        return await onboarding_page(
            parts.database.sessions,
            parts.stripe,
            user_id=caller.user_id,
            app_url=parts.settings.app_url,
        )
