"""The API's routes, under the path that Google serves them at."""

from fastapi import APIRouter

from opside_sandbox.gmail.api import history, mailbox_facts, messages, threads
from opside_sandbox.gmail.api.gate import route
from opside_sandbox.state import SandboxState

METHODS = (
    *mailbox_facts.METHODS,
    *messages.METHODS,
    *threads.METHODS,
    *history.METHODS,
)


def api_router(state: SandboxState) -> APIRouter:
    """Every method that the product may call with gmail.readonly."""
    router = APIRouter(prefix="/gmail/v1/users/{user_id}")
    for method in METHODS:
        router.add_api_route(f"/{method.path}", route(state, method), methods=["GET"])
    return router
