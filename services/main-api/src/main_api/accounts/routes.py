"""The signed-in person, and what admins may set."""

from typing import Annotated

from fastapi import APIRouter, Depends

from main_api.accounts.collection import set_collection
from main_api.accounts.profile import read_profile
from main_api.accounts.schemas import CollectionChange, Me
from main_api.dependencies import Runtime, runtime
from opside_chassis import access
from opside_chassis.access import Caller

router = APIRouter()
Parts = Annotated[Runtime, Depends(runtime)]


@router.get("/api/me")
async def read_me(caller: Annotated[Caller, Depends(access.member())], parts: Parts) -> Me:
    """Who is signed in, the state of his connections, how his fees are collected."""
    return await read_profile(
        parts.database.sessions,
        user_id=caller.user_id,
        default_mode=parts.settings.collection_mode,
    )


@router.put("/api/admin/users/{user_id}/collection", status_code=204)
async def change_collection(
    user_id: str,
    change: CollectionChange,
    _admin: Annotated[Caller, Depends(access.admin())],
    parts: Parts,
) -> None:
    """Set how a seller's fees are collected; null goes back to the default."""
    await set_collection(parts.database.sessions, user_id=user_id, mode=change.mode)
