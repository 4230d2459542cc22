"""stripe-payments' service routes over HTTP: one commission a recovery, one effect a key, as promised."""

import json
from dataclasses import dataclass, field

from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from opside_chassis.idempotency import required_key
from opside_chassis.keyring import KeyRing
from opside_chassis.service_token import ServiceTokenVerifier
from opside_contracts.payments.messages import (
    ChargeCommission,
    ClawBackAccepted,
    ClawBackCommission,
    CommissionAccepted,
)

CHARGE, CLAW_BACK = "/api/v1/stripe/charge-commission", "/api/v1/stripe/clawback"
SCOPES = {CHARGE: "commissions:charge", CLAW_BACK: "commissions:clawback"}
RATE_BP = 2_000


def problem(status: int, code: str = "refused") -> Response:
    """As every service of ours refuses."""
    body = {"type": "about:blank", "status": status, "code": code, "detail": f"no: {code}"}
    return JSONResponse(body, status, media_type="application/problem+json")


@dataclass
class FakePayments:
    """`before` and `after` are answers given instead of doing the work, or after it was done."""

    ring: KeyRing
    before: list[Response] = field(default_factory=list)
    after: list[Response] = field(default_factory=list)
    charges: dict[str, ChargeCommission] = field(default_factory=dict)
    """Commissions by transaction id: each one is money."""
    clawbacks: dict[str, ClawBackCommission] = field(default_factory=dict)
    """By reversal id."""
    token_ids: list[str] = field(default_factory=list)
    _bodies: dict[str, bytes] = field(default_factory=dict)

    async def __call__(self, request: Request) -> Response:
        token = request.headers["authorization"].removeprefix("Bearer ")
        identity = ServiceTokenVerifier(self.ring, "stripe-payments").verify(token)
        assert (identity.service, identity.scopes) == ("main-api", {SCOPES[request.url.path]})
        assert identity.token_id not in self.token_ids, "a money route takes a token once"
        self.token_ids.append(identity.token_id)
        if self.before:
            return self.before.pop(0)
        body = await request.body()
        key = required_key(request.headers["idempotency-key"], None)
        if self._bodies.setdefault(key, body) != body:
            return problem(422, "key_reused")
        done = self._charge(body) if request.url.path == CHARGE else self._claw_back(body)
        return self.after.pop(0) if self.after else done

    def _charge(self, body: bytes) -> Response:
        asked = ChargeCommission.model_validate_json(body)
        transaction_id = f"txn_{asked.recovery_id}"
        known = self.charges.setdefault(transaction_id, asked)
        if known.amount_recovered_cents != asked.amount_recovered_cents:
            return problem(409, "conflict")
        fee = asked.amount_recovered_cents * RATE_BP // 10_000
        accepted = CommissionAccepted(
            transaction_id=transaction_id,
            status="pending",
            collection=asked.collection or "fee_only",
            amount_recovered_cents=asked.amount_recovered_cents,
            platform_fee_cents=fee,
            seller_payout_cents=asked.amount_recovered_cents - fee,
            rate_bp=RATE_BP,
            currency=asked.currency,
        )
        return _json(accepted)

    def _claw_back(self, body: bytes) -> Response:
        asked = ClawBackCommission.model_validate_json(body)
        if asked.transaction_id not in self.charges:
            return problem(404, "not_found")
        self.clawbacks.setdefault(asked.reversal_id, asked)
        accepted = ClawBackAccepted(
            clawback_id=f"clb_{asked.reversal_id}",
            transaction_id=asked.transaction_id,
            reversal_id=asked.reversal_id,
            status="requested",
            refund_amount_cents=asked.refund_amount_cents,
            currency=self.charges[asked.transaction_id].currency,
        )
        return _json(accepted)


def _json(accepted: BaseModel) -> Response:
    return JSONResponse(json.loads(accepted.model_dump_json(by_alias=True)), 202)
