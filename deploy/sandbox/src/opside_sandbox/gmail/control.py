"""What a test may do to Google from outside."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from opside_sandbox.gmail import faults
from opside_sandbox.gmail.mailbox_control import mailbox_router
from opside_sandbox.gmail.oauth import grants
from opside_sandbox.gmail.people import everybody, named
from opside_sandbox.state import SandboxState

_HANG_SECONDS = 90.0


class Who(BaseModel):
    """A person by key."""

    persona: str


class Publishing(BaseModel):
    """The publishing status of the consent screen, for what is granted from now on."""

    status: Literal["production", "testing"]


class PlannedFault(BaseModel):
    """The `nth` call of `operation` in this run (or, `relative`, from now on) suffers `kind`."""

    operation: Literal[faults.OPERATIONS]  # type: ignore[valid-type]
    kind: Literal[
        "timeout_before", "timeout_after", "500_before", "500_after", "503", "429", "403",
        "403_user_rate", "403_daily_limit", "403_domain_policy", "reset", "slow", "torn",
        "wrong_type", "clock_jump",
    ]  # fmt: skip
    nth: int = Field(default=1, ge=1)
    times: int = Field(default=1, ge=1)
    relative: bool = True
    seconds: float = Field(default=_HANG_SECONDS, ge=0)


def control_router(state: SandboxState) -> APIRouter:
    """Mounted under /control/gmail."""
    router = APIRouter()
    _add_consents(router, state)
    _add_faults(router, state)
    router.include_router(mailbox_router(state))
    return router


def _add_consents(router: APIRouter, state: SandboxState) -> None:
    @router.get("/personas")
    async def personas() -> list[dict[str, str]]:
        return [
            {"persona": one.key, "name": one.name, "email": one.email, "sub": one.sub}
            for one in everybody(state).values()
        ]

    @router.post("/publishing")
    async def publishing(body: Publishing) -> dict[str, str]:
        grants.set_testing(state, testing=body.status == "testing")
        return {"status": body.status}

    @router.post("/revoke")
    async def revoke(body: Who) -> dict[str, int]:
        """The person removes the application in his Google account."""
        return {"revoked": grants.withdraw(state, named(state, body.persona).key)}

    @router.post("/password_change")
    async def password_change(body: Who) -> dict[str, int]:
        """Tokens with a Gmail scope die with the old password; the consent stays."""
        return {"revoked": grants.change_password(state, named(state, body.persona).key)}


def _add_faults(router: APIRouter, state: SandboxState) -> None:
    @router.post("/faults")
    async def plan(fault: PlannedFault) -> dict[str, Any]:
        return faults.add(state, fault.model_dump())

    @router.get("/faults")
    async def shown() -> dict[str, Any]:
        return {"faults": faults.planned(state), "calls": faults.calls(state)}

    @router.delete("/faults")
    async def forget() -> dict[str, bool]:
        faults.clear(state)
        return {"cleared": True}
