"""What a test may do to Amazon from outside."""

from fastapi import APIRouter

from opside_sandbox.state import SandboxState


def control_router(state: SandboxState) -> APIRouter:  # noqa: ARG001 (placeholder)
    """Mounted under /control/amazon."""
    return APIRouter()
