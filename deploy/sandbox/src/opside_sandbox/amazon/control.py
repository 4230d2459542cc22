"""What a test may see of Amazon and do to it from outside."""

from collections import Counter
from datetime import date
from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from opside_sandbox.amazon import faults
from opside_sandbox.amazon.cases import book, plans
from opside_sandbox.amazon.cases.desk_pages import costs_of
from opside_sandbox.amazon.history.generate import history_of
from opside_sandbox.amazon.history.model import Reimbursement
from opside_sandbox.amazon.oauth.grants import revoke_seller
from opside_sandbox.amazon.oauth.secrets import rotate
from opside_sandbox.amazon.personas import Persona, everybody
from opside_sandbox.amazon.spapi import queues, report_quotas
from opside_sandbox.amazon.spapi.reports_queue import plan_fatal
from opside_sandbox.amazon.truth import truth_of
from opside_sandbox.state import SandboxState


class Reverse(BaseModel):
    """Take a payment back; `amount` is decimal text such as "12.34"."""

    reimbursement_id: str
    amount: str = Field(pattern=r"^\d{1,9}\.\d{2}$")


class Who(BaseModel):
    """A persona by key."""

    persona: str


class Fatal(Who):
    """The next report of this type fails, with or without a document that says why."""

    reportType: str  # noqa: N815 (Amazon's own name)
    document: bool = True


class NewSecret(BaseModel):
    """An application's new client secret; the old one lives on for the overlap (7 days)."""

    client_id: str
    secret: str = Field(min_length=1)
    old_lives_seconds: float = Field(default=7 * 86400, ge=0)


class Quotas(BaseModel):
    """Hidden report quotas: on with Amazon's own, or with these; off."""

    on: bool = True
    quotas: list[report_quotas.Quota] | None = None


def _seller(state: SandboxState, key: str) -> Persona:
    found = everybody(state).get(key)
    if found is None or found.marketplace is None:
        raise HTTPException(404, f"{key} is no persona with a selling account")
    return found


def _person(one: Persona) -> dict[str, Any]:
    store = one.marketplace
    return {
        "persona": one.key,
        "name": one.name,
        "email": one.email,
        "userId": one.user_id,
        "sellerId": one.seller_id if store else None,
        "marketplaceId": store.id if store else None,
        "currency": store.currency if store else None,
    }


def _payment(one: Reimbursement, currency: str) -> dict[str, Any]:
    return {
        "reimbursement_id": one.reimbursement_id,
        "case_id": one.case_id,
        "approved_at": one.approved_at.isoformat(),
        "reason": one.reason,
        "sku": one.product.sku,
        "fnsku": one.product.fnsku,
        "order_id": one.order_id,
        "amount_total_minor": one.total_minor,
        "cash": one.cash,
        "inventory": one.inventory,
        "original_reimbursement_id": one.original_id,
        "currency": currency,
    }


def control_router(state: SandboxState) -> APIRouter:
    """Mounted under /control/amazon."""
    router = APIRouter()
    _add_views(router, state)
    _add_acts(router, state)
    _add_faults(router, state)
    _add_grants(router, state)
    return router


def _add_views(router: APIRouter, state: SandboxState) -> None:
    @router.get("/personas")
    async def personas() -> list[dict[str, Any]]:
        return [_person(one) for one in everybody(state).values()]

    @router.get("/truth/{key}")
    async def truth(key: str, as_of: date | None = None) -> dict[str, Any]:
        return truth_of(state, _seller(state, key), as_of or state.clock.now().date())

    @router.get("/costs/{key}")
    async def costs(key: str) -> list[dict[str, Any]]:
        return costs_of(state, _seller(state, key))

    @router.get("/cases")
    async def cases() -> list[dict[str, Any]]:
        book.decide_due(state)
        return state.store.list(book.CASES)

    @router.get("/reimbursements/{key}")
    async def reimbursements(key: str) -> list[dict[str, Any]]:
        seller = _seller(state, key)
        rows = book.whole_view(state, seller).reimbursements()
        return [_payment(one, seller.store.currency) for one in rows]

    @router.get("/stock/{key}")
    async def stock(key: str) -> dict[str, int]:
        units: Counter[str] = Counter()
        for event in book.whole_view(state, _seller(state, key)).ledger():
            units[event.product.fnsku] += event.quantity
        return dict(units)


def _add_acts(router: APIRouter, state: SandboxState) -> None:
    @router.post("/reverse")
    async def reverse(body: Reverse) -> dict[str, Any]:
        amount_minor = int(body.amount.replace(".", ""))
        try:
            return book.take_back(state, body.reimbursement_id, amount_minor)
        except LookupError as error:
            raise HTTPException(404, str(error)) from None
        except ValueError as error:
            raise HTTPException(422, str(error)) from None

    @router.post("/desk")
    async def desk(plan: plans.Plan) -> dict[str, Any]:
        persona = _seller(state, plan.persona)
        if plan.loss_id not in {one.loss_id for one in history_of(state, persona).losses}:
            raise HTTPException(404, f"{plan.persona} has no loss {plan.loss_id}")
        plans.ready(state, persona)
        return plans.make(state, plan)

    @router.post("/reports/fatal")
    async def fatal(body: Fatal) -> dict[str, str]:
        persona = _seller(state, body.persona)
        plan_fatal(state, persona, body.reportType, document=body.document)
        return {"next": "FATAL"}

    @router.post("/reports/quotas")
    async def quotas(body: Quotas) -> list[dict[str, Any]]:
        chosen = report_quotas.amazons_own() if body.quotas is None else body.quotas
        return report_quotas.turn_on(state, chosen if body.on else [])


def _add_faults(router: APIRouter, state: SandboxState) -> None:
    @router.post("/faults")
    async def plan(fault: faults.Fault) -> dict[str, Any]:
        return faults.add(state, fault)

    @router.get("/faults")
    async def planned() -> dict[str, Any]:
        return {"faults": faults.planned(state), "calls": faults.calls(state)}

    @router.delete("/faults")
    async def clear() -> dict[str, Any]:
        faults.clear(state)
        return {"faults": []}


def _add_grants(router: APIRouter, state: SandboxState) -> None:
    @router.post("/revoke")
    async def revoke(body: Who) -> dict[str, int]:
        return {"revoked": revoke_seller(state, _seller(state, body.persona).key)}

    @router.post("/secrets")
    async def secrets(body: NewSecret) -> dict[str, str]:
        rotate(state, body.client_id, body.secret, old_lives_seconds=body.old_lives_seconds)
        return {"client_id": body.client_id}

    @router.get("/queues/{destination_id}")
    async def queue(destination_id: str) -> list[dict[str, Any]]:
        return queues.messages(state, destination_id)
