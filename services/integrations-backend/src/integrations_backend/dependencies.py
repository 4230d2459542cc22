"""Pieces of the runtime, for routes."""

from fastapi import Request

from integrations_backend.runtime import Runtime

__all__ = ["Runtime", "runtime"]


async def runtime(request: Request) -> Runtime:
    """The parts that were put together at the start.

    Not blocking, and still async: FastAPI would run a plain function in a thread.
    """
    parts: Runtime = request.app.state.runtime
    return parts
