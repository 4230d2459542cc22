"""Calls to stripe-payments; they raise `OpsideError`s, `Unavailable` when it is down."""

from opside_chassis.http_client import ServiceClient
from opside_contracts import scopes
from opside_contracts.payments.messages import (
    ChargeCommission,
    ClawBackAccepted,
    ClawBackCommission,
    CommissionAccepted,
    ConnectAccount,
    ConnectedAccount,
)


class PaymentsClient:
    """stripe-payments as seen from another service."""

    def __init__(self, http: ServiceClient) -> None:
        self._http = http

    async def charge_commission(
        self, request: ChargeCommission, *, idempotency_key: str
    ) -> CommissionAccepted:
        """Ask for the fee on one recovery; safe to repeat with the same key.

        Raises `Conflict` when the recovery was charged with another amount or currency.
        """
        return await self._http.request_as(
            CommissionAccepted,
            "POST",
            "/api/v1/stripe/charge-commission",
            scope=scopes.CHARGE_COMMISSION,
            json=request.model_dump(mode="json", by_alias=True, exclude_none=True),
            idempotency_key=idempotency_key,
        )

    async def claw_back(
        self, request: ClawBackCommission, *, idempotency_key: str
    ) -> ClawBackAccepted:
        """Give the fee back in proportion; one effect per reversal id."""
        return await self._http.request_as(
            ClawBackAccepted,
            "POST",
            "/api/v1/stripe/clawback",
            scope=scopes.CLAW_BACK_COMMISSION,
            json=request.model_dump(mode="json", by_alias=True, exclude_none=True),
            idempotency_key=idempotency_key,
        )

    async def connect_account(
        self, request: ConnectAccount, *, idempotency_key: str
    ) -> ConnectedAccount:
        """Create or link the seller's Connect account; a repeat answers the same account."""
        return await self._http.request_as(
            ConnectedAccount,
            "POST",
            "/api/v1/stripe/connect",
            scope=scopes.CONNECT_ACCOUNT,
            act_for=request.user_id,
            json=request.model_dump(mode="json", by_alias=True, exclude_none=True),
            idempotency_key=idempotency_key,
        )
