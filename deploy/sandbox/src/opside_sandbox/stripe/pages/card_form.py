"""A card form in place of Stripe Elements: test cards only."""

from collections.abc import Callable
from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe import cards, charging, setting_up
from opside_sandbox.stripe.errors import Document, StripeError
from opside_sandbox.stripe.pages import html
from opside_sandbox.stripe.pages.finding import find, with_outcome
from opside_sandbox.stripe.payment_methods import build
from opside_sandbox.stripe.world import Ask, World

_REFUSED = (
    "This form takes Stripe's test cards only, such as 4242 4242 4242 4242. Never type a real one."
)


def router(state: SandboxState, wake: Callable[[], None]) -> APIRouter:
    """`/sandbox/card/{intent}?client_secret=…&return_url=…`, for both kinds of intents."""
    routes = APIRouter()

    @routes.get("/sandbox/card/{intent_id}")
    async def visit(intent_id: str, client_secret: str, return_url: str = "") -> Response:
        found = find(state, intent_id, client_secret)
        if found is None:
            return html.page("No such payment", "", status=404)
        return _form(found[1], client_secret, return_url)

    @routes.post("/sandbox/card/{intent_id}")
    async def submit(intent_id: str, request: Request) -> Response:
        given = await html.posted(request)
        secret, return_url = given.get("client_secret", ""), given.get("return_url", "")
        found = find(state, intent_id, secret)
        if found is None:
            return html.page("No such payment", "", status=404)
        card = cards.numbered(given.get("number", ""))
        if card is None:
            return _form(found[1], secret, return_url, error=_REFUSED)
        base_url = f"{request.url.scheme}://{request.url.netloc}"
        ask = Ask(
            {"return_url": return_url} if return_url else {}, publishable=True, base_url=base_url
        )
        intent, error = _confirm(*found, card, ask)
        wake()
        if error:
            return _form(intent, secret, return_url, error=error)
        return _leave(intent, return_url)

    return routes


def _confirm(
    world: World, intent: Document, card: cards.TestCard, ask: Ask
) -> tuple[Document, str]:
    """Confirm with this card; a decline is kept, anything else undone."""
    act = setting_up.confirm if intent["object"] == "setup_intent" else charging.confirm
    try:
        with world.state.store.transaction():
            ask.params["payment_method"] = build(world, card)["id"]
            try:
                return act(world, ask, intent), ""
            except StripeError as error:
                if not error.keeps_effects:
                    raise
                return intent, error.message
    except StripeError as error:
        return intent, error.message


def _leave(intent: Document, return_url: str) -> Response:
    action = intent["next_action"]
    if action is not None:
        step = action.get("redirect_to_url", {}).get("url")
        return RedirectResponse(step or action["use_stripe_sdk"]["stripe_js"], 302)
    if return_url:
        return RedirectResponse(with_outcome(return_url, intent), 302)
    return html.page("Done", f"<p>Status: {escape(intent['status'])}</p>")


def _form(intent: Document, secret: str, return_url: str, *, error: str = "") -> Response:
    fields = (
        html.hidden({"client_secret": secret, "return_url": return_url})
        + html.field("number", "Card number", "4242 4242 4242 4242")
        + html.field("expiry", "Expiry", "08/34")
        + html.field("cvc", "Security code", "123")
    )
    body = html.problem(error) + html.form(
        f"/sandbox/card/{intent['id']}", fields + html.choices("decision", {"pay": "Confirm"})
    )
    return html.page("Your card", body, status=402 if error else 200)
