"""What a test may see and do from outside: the book, deliveries, and faults on demand."""

from typing import Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from opside_sandbox.state import SandboxState
from opside_sandbox.store import Scalar
from opside_sandbox.stripe import (
    api_faults,
    bank_accounts,
    book,
    deliveries,
    jobs,
    paying_out,
    webhook_faults,
)
from opside_sandbox.stripe.billing import control as billing
from opside_sandbox.stripe.oauth import control as oauth
from opside_sandbox.stripe.present import plain
from opside_sandbox.stripe.world import World


class ApiFault(BaseModel):
    """The `nth` call of `operation` in this run (or, `relative`, from now on) suffers `kind`."""

    operation: str
    kind: api_faults.Kind
    nth: int = Field(default=1, ge=1)
    times: int = Field(default=1, ge=1)
    relative: bool = True
    seconds: float = Field(default=api_faults.DEFAULT_SECONDS, ge=0)


class WebhookFault(BaseModel):
    """The `nth` delivery from now (of `event_type`, if given) suffers `kind`."""

    kind: Literal["duplicate", "delay", "reorder", "lose", "forge"]
    event_type: str | None = None
    nth: int = Field(default=1, ge=1)
    times: int = Field(default=1, ge=1)
    seconds: float = Field(default=0.0, ge=0)


def control_router(state: SandboxState) -> APIRouter:
    """Mounted under /control/stripe."""
    router = APIRouter()
    _add_books(router, state)
    _add_jobs(router, state)
    _add_payouts(router, state)
    _add_faults(router, state)
    _add_webhooks(router, state)
    billing.add(router, state)
    oauth.add(router, state)
    return router


def _add_books(router: APIRouter, state: SandboxState) -> None:
    @router.get("/books")
    async def books() -> dict[str, Any]:
        return book.export(state)

    @router.get("/books/journals")
    async def journals() -> list[dict[str, Any]]:
        return book.journals(state)


def _add_jobs(router: APIRouter, state: SandboxState) -> None:
    @router.get("/jobs")
    async def listed() -> dict[str, Any]:
        """What Stripe will do by itself, and what it has failed to do (a fault of the sandbox)."""
        return {"waiting": state.store.list(jobs.JOBS), "failed": state.store.list(jobs.FAILED)}


def _add_payouts(router: APIRouter, state: SandboxState) -> None:
    @router.post("/payouts/{payout_id}/fail")
    async def fail(payout_id: str, account: str, code: str = "account_closed") -> dict[str, Any]:
        """Let a payout of a connected account fail, even one that shows as paid."""
        if code not in bank_accounts.FAILURE_MESSAGES:
            raise HTTPException(422, f"code is one of {sorted(bank_accounts.FAILURE_MESSAGES)}")
        world = World(state, account=account)
        payout = world.get("payout", payout_id)
        if payout is None:
            raise HTTPException(404, "no such payout")
        if payout["status"] not in {"in_transit", "paid"} or payout["reversed_by"]:
            raise HTTPException(409, f"a payout that is {payout['status']} cannot fail any more")
        with state.store.transaction():
            paying_out.fail(world, payout, code)
        state.clock.wake()
        return plain(payout)


def _add_faults(router: APIRouter, state: SandboxState) -> None:
    @router.post("/faults")
    async def plan(fault: ApiFault) -> dict[str, Any]:
        return api_faults.add(state, fault.model_dump())

    @router.get("/faults")
    async def planned() -> dict[str, Any]:
        return {"faults": api_faults.planned(state), "calls": api_faults.calls(state)}

    @router.delete("/faults")
    async def clear() -> dict[str, Any]:
        api_faults.clear(state)
        webhook_faults.clear(state)
        return {"faults": []}


def _add_webhooks(router: APIRouter, state: SandboxState) -> None:
    @router.post("/webhooks/faults")
    async def plan(fault: WebhookFault) -> dict[str, Any]:
        return webhook_faults.add(state, fault.model_dump())

    @router.get("/webhooks/deliveries")
    async def listed(event: str | None = None) -> list[dict[str, Any]]:
        wanted: dict[str, Scalar] = {"event": event} if event else {}
        return state.store.list(deliveries.DELIVERIES, where=wanted)

    @router.post("/webhooks/redeliver/{event_id}")
    async def redeliver(event_id: str, account: str | None = None) -> dict[str, Any]:
        """Send an event once more to every endpoint that wants it."""
        world = World(state, account=account)
        event = world.get("event", event_id)
        if event is None:
            raise HTTPException(404, "no such event")
        rows = [
            deliveries.new_row(state, event, one) for one in deliveries.endpoints_for(world, event)
        ]
        for row in rows:
            state.store.put(deliveries.DELIVERIES, row["id"], row)
        state.clock.wake()
        return {"deliveries": [row["id"] for row in rows]}
