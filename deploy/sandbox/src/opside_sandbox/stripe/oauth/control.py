"""What tests may do with people's own accounts: open one, act in it, part from the platform."""

from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe.oauth import grants, people
from opside_sandbox.stripe.world import World


class Person(BaseModel):
    """Whoever has this email."""

    email: str = Field(pattern=r"^[^@]+@[^@]+$")


def add(router: APIRouter, state: SandboxState) -> None:
    """Mounted under /control/stripe."""

    @router.post("/people")
    async def open_account(person: Person) -> dict[str, Any]:
        """His own account and secret key, with which he may sell there."""
        with state.store.transaction():
            row = people.person(World(state), person.email)
        return {"account": row["id"], "secret_key": row["key"]}

    @router.post("/people/{account_id}/revoke")
    async def revoke(account_id: str) -> dict[str, Any]:
        """He takes the platform's access away in his dashboard."""
        with state.store.transaction():
            if not grants.end(World(state), account_id):
                raise HTTPException(404, "this account is not connected")
        state.clock.wake()
        return {"account": account_id}
