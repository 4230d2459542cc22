"""The bank's page (3D Secure): the customer proves that he is himself, or fails to."""

from collections.abc import Callable
from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe import charging, setting_up
from opside_sandbox.stripe.errors import StripeError
from opside_sandbox.stripe.pages import html
from opside_sandbox.stripe.pages.finding import find, with_outcome

_DECISIONS = {"complete": "Complete authentication", "fail": "Fail authentication"}


def router(state: SandboxState, wake: Callable[[], None]) -> APIRouter:
    """`/sandbox/authenticate/{intent}?client_secret=…`; post `decision`=complete or fail."""
    routes = APIRouter()

    @routes.get("/sandbox/authenticate/{intent_id}")
    async def visit(intent_id: str, client_secret: str) -> Response:
        if find(state, intent_id, client_secret) is None:
            return html.page("No such payment", "", status=404)
        body = html.hidden({"client_secret": client_secret}) + html.choices("decision", _DECISIONS)
        return html.page(
            "3D Secure test page", html.form(f"/sandbox/authenticate/{intent_id}", body)
        )

    @routes.post("/sandbox/authenticate/{intent_id}")
    async def submit(intent_id: str, request: Request) -> Response:
        given = await html.posted(request)
        found = find(state, intent_id, given.get("client_secret", ""))
        if found is None or given.get("decision") not in _DECISIONS:
            return html.page("No such payment", "", status=404)
        world, intent = found
        return_url = ((intent["next_action"] or {}).get("redirect_to_url") or {}).get("return_url")
        act = (
            setting_up.authenticated
            if intent["object"] == "setup_intent"
            else charging.authenticated
        )
        try:
            with state.store.transaction():
                try:
                    act(world, intent, passed=given["decision"] == "complete")
                except StripeError as error:
                    if not error.keeps_effects:
                        raise
        except StripeError as error:
            return html.page(
                "Authentication failed", html.problem(error.message), status=error.status
            )
        wake()
        if return_url:
            return RedirectResponse(with_outcome(return_url, intent), 302)
        return html.page("Done", f"<p>Status: {escape(intent['status'])}</p>")

    return routes
