"""Stripe over HTTP: the API under /v1, the pages that customers and sellers see, the courier."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request
from fastapi.responses import Response

from opside_sandbox.cutting import CutResponse
from opside_sandbox.recording import record
from opside_sandbox.state import SandboxState
from opside_sandbox.stripe import (
    account_links,
    accounts,
    balance,
    capabilities,
    charges,
    charging,
    customers,
    disputes,
    disputing,
    events,
    external_accounts,
    paying_out,
    payment_intents,
    payment_methods,
    payout_schedule,
    payouts,
    refunds,
    reversals,
    setup_intents,
    transfers,
    webhook_endpoints,
)
from opside_sandbox.stripe.billing import parts as billing
from opside_sandbox.stripe.courier import Courier
from opside_sandbox.stripe.engine import Engine, Hangup
from opside_sandbox.stripe.oauth import consent_page, endpoints
from opside_sandbox.stripe.pages import authenticate, card_form, onboarding
from opside_sandbox.stripe.routes import Router
from opside_sandbox.stripe.search import operations as search
from opside_sandbox.stripe.world import World

OPERATIONS = [
    operation
    for module in (
        account_links,
        accounts,
        balance,
        capabilities,
        charges,
        customers,
        disputes,
        events,
        external_accounts,
        payment_intents,
        payment_methods,
        payouts,
        refunds,
        reversals,
        setup_intents,
        transfers,
        webhook_endpoints,
        billing,
        search,
    )
    for operation in module.OPERATIONS
]
_INDEXED = (
    "status", "held", "customer", "source_transaction", "transfer", "transfer_group", "charge",
    "payment_intent", "operation", "setup_intent", "email", "account", *billing.INDEXED,
)  # fmt: skip


def _settle(world: World, charge_id: str) -> None:
    charges.settle(world, charge_id)


JOBS = {
    "settle_charge": _settle,
    "expire_authorization": charging.expire,
    **billing.JOBS,
    "finish_refund": refunds.finish,
    "fail_refund": refunds.fail,
    "submit_payout": paying_out.submit,
    "arrive_payout": paying_out.arrive,
    payout_schedule.RUN: paying_out.run,
    "open_dispute": disputing.open_for,
    "judge_dispute": disputing.judge,
    "dispute_deadline": disputing.deadline,
}


def create(state: SandboxState) -> FastAPI:
    """The application; its lifespan runs the courier."""
    events.FOLLOWERS.update(billing.FOLLOWERS)
    courier = Courier(state, JOBS)
    engine = Engine(state, Router(OPERATIONS), courier.wake)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:  # noqa: ARG001 (FastAPI's signature)
        for name in _INDEXED:
            state.store.index(name)
        webhook_endpoints.forward(state)
        state.clock.on_change(lambda: webhook_endpoints.forward(state))  # after a reset
        task = asyncio.create_task(courier.run())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    app = FastAPI(
        title="Stripe sandbox", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    record(app, state.settings.record, "stripe", r"/v\d+/")
    for page in (onboarding, card_form, authenticate):
        app.include_router(page.router(state, courier.wake))
    app.include_router(consent_page.router(state))
    app.include_router(endpoints.router(state, courier.wake))
    for router in billing.routers(state, courier.wake):
        app.include_router(router)

    @app.api_route("/{path:path}", methods=["GET", "POST", "DELETE"], include_in_schema=False)
    async def api(request: Request) -> Response:
        try:
            return await engine.serve(request)
        except Hangup:
            return CutResponse()

    return app
