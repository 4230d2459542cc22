"""The control API, on its own port: clock, reset, snapshot, and each provider's own switches."""

from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException
from pydantic import BaseModel, Field

from opside_sandbox import amazon, gmail, stripe
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Snapshot


class Advance(BaseModel):
    """How far to move the clock."""

    seconds: float = Field(ge=0)


class Reset(BaseModel):
    """What to go back to; nothing means an empty sandbox."""

    snapshot: Snapshot | None = None


def create(state: SandboxState) -> FastAPI:
    """`/health` always; everything under `/control` only when SANDBOX_CONTROL is on."""
    app = FastAPI(title="Opside sandbox control", version="1")

    @app.get("/health")
    async def health() -> dict[str, Any]:
        return {"status": "ok", "control": state.settings.control_on}

    if state.settings.control_on:
        app.include_router(_router(state), prefix="/control")
        app.include_router(stripe.control_router(state), prefix="/control/stripe")
        app.include_router(amazon.control_router(state), prefix="/control/amazon")
        app.include_router(gmail.control_router(state), prefix="/control/gmail")
    return app


def _router(state: SandboxState) -> APIRouter:
    router = APIRouter()

    def shown() -> dict[str, Any]:
        return {"now": state.clock.now().isoformat(), "offsetSeconds": state.clock.offset_seconds}

    @router.get("/clock")
    async def read_clock() -> dict[str, Any]:
        return shown()

    @router.post("/clock/advance")
    async def advance_clock(body: Advance) -> dict[str, Any]:
        try:
            state.clock.advance(body.seconds)
        except OverflowError:
            raise HTTPException(422, "the clock cannot go that far") from None
        return shown()

    @router.get("/snapshot")
    async def snapshot() -> Snapshot:
        return state.store.snapshot()

    @router.post("/reset")
    async def reset(body: Reset | None = None) -> dict[str, Any]:
        state.store.reset(body.snapshot if body else None)
        state.clock.wake()
        return shown()

    return router
