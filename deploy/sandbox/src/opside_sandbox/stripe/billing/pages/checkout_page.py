"""The Checkout page: what is bought, an email address, a test card."""

from collections.abc import Callable
from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe.billing import checking_out
from opside_sandbox.stripe.billing.checking_out import KIND
from opside_sandbox.stripe.billing.checkout_shape import PATH
from opside_sandbox.stripe.errors import Document, StripeError
from opside_sandbox.stripe.pages import html
from opside_sandbox.stripe.world import Ask, World

_REFUSED = (
    "This page takes Stripe's test cards only, such as 4242 4242 4242 4242. Never type a real one."
)
_BUTTONS = {"payment": "Pay", "setup": "Save card", "subscription": "Subscribe"}


def router(state: SandboxState, wake: Callable[[], None]) -> APIRouter:
    """`/c/pay/{session}`: get the form, post `email` (unless known), `number`, `expiry`, `cvc`."""
    routes = APIRouter()

    @routes.get(PATH + "/{session_id}")
    async def visit(session_id: str, redirect_status: str = "") -> Response:
        session = World(state).get(KIND, session_id)
        failed = "The authentication failed. Try again." if redirect_status == "failed" else ""
        return _answer(session, error=failed)

    @routes.post(PATH + "/{session_id}")
    async def submit(session_id: str, request: Request) -> Response:
        given = await html.posted(request)
        world = World(state)
        session = world.get(KIND, session_id)
        if session is None or session["status"] != "open":
            return _answer(session)
        base_url = f"{request.url.scheme}://{request.url.netloc}"
        ask = Ask({"return_url": f"{base_url}{PATH}/{session_id}"}, base_url=base_url)
        intent, error = _pay(world, session, given, ask)
        wake()
        if intent is not None and intent["next_action"] is not None:
            return RedirectResponse(intent["next_action"]["redirect_to_url"]["url"], 303)
        return _answer(world.get(KIND, session_id), error=error)

    return routes


def _pay(
    world: World, session: Document, given: dict[str, str], ask: Ask
) -> tuple[Document | None, str]:
    """A decline stays on record; anything else that fails leaves nothing."""
    try:
        with world.state.store.transaction():
            method = checking_out.card_method(world, given.get("number", ""))
            if method is None:
                return None, _REFUSED
            try:
                return checking_out.submit(world, session, method, given.get("email", ""), ask), ""
            except StripeError as error:
                if not error.keeps_effects:
                    raise
                return None, error.message
    except StripeError as error:
        return None, error.message


def _answer(session: Document | None, *, error: str = "") -> Response:
    """The form while the session is open; afterwards on to where the shop wants the customer."""
    if session is None or session["status"] == "expired":
        return html.page("This page has expired", "", status=404)
    if session["status"] == "complete":
        url = session.get("return_url") or session["success_url"]
        return RedirectResponse(url.replace("{CHECKOUT_SESSION_ID}", session["id"]), 303)
    return html.page("Checkout", _form(session, error), status=402 if error else 200)


def _form(session: Document, error: str) -> str:
    rows = "".join(
        f"<li>{one['quantity']} x {escape(one['description'])}: {_money(one['amount_total'])} "
        f"{escape(one['currency'].upper())}</li>"
        for one in session["_items"]
    )
    fields = (
        ""
        if session["customer"]
        else html.field("email", "Email", session["customer_email"] or "payer@example.com")
    )
    fields += (
        html.field("number", "Card number", "4242 4242 4242 4242")
        + html.field("expiry", "Expiry", "08/34")
        + html.field("cvc", "Security code", "123")
        + html.choices("decision", {"pay": _BUTTONS[session["mode"]]})
    )
    back = session["cancel_url"]
    link = f'<p><a href="{escape(back)}">Go back</a></p>' if back else ""
    form = html.form(f"{PATH}/{session['id']}", fields)
    return html.problem(error) + (f"<ul>{rows}</ul>" if rows else "") + form + link


def _money(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"
