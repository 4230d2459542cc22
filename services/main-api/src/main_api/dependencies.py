"""Pieces of the runtime, for routes."""

from typing import Annotated

from fastapi import Depends, Request

from main_api.runtime import Runtime
from opside_chassis.database import Sessions

__all__ = ["Runtime", "runtime", "sessions"]


async def runtime(request: Request) -> Runtime:
    """The parts that were put together at the start.

    Not blocking, and still async: FastAPI would run a plain function in a thread.
    """
    parts: Runtime = request.app.state.runtime
    return parts


async def sessions(parts: Annotated[Runtime, Depends(runtime)]) -> Sessions:
    """Database sessions."""
    return parts.database.sessions
