"""Amazon over HTTP."""

from fastapi import FastAPI

from opside_sandbox.state import SandboxState


def create(state: SandboxState) -> FastAPI:  # noqa: ARG001 (placeholder)
    """The application."""
    return FastAPI()
