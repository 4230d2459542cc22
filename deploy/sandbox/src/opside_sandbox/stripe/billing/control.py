"""The account's billing settings, which Stripe keeps in its Dashboard."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe.billing import policy


class BillingSettings(BaseModel):
    """What becomes of a subscription whose last retry failed."""

    after_retries: Literal["cancel", "unpaid", "past_due"]


def add(router: APIRouter, state: SandboxState) -> None:
    """`GET` and `POST /control/stripe/billing`."""

    @router.get("/billing")
    async def shown() -> dict[str, Any]:
        return {"after_retries": policy.after_retries(state)}

    @router.post("/billing")
    async def choose(settings: BillingSettings) -> dict[str, Any]:
        policy.choose(state, settings.after_retries)
        return settings.model_dump()
