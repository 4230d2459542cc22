"""Pieces of the runtime, for routes."""

from fastapi import Request

from integrations_backend.runtime import Runtime

__all__ = ["Runtime", "runtime"]


def runtime(request: Request) -> Runtime:
    """The parts that were put together at the start."""
    parts: Runtime = request.app.state.runtime
    return parts
