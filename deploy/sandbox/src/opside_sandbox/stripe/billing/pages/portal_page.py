"""The customer portal: subscriptions to cancel or keep, the card, the invoices."""

from collections.abc import Callable
from datetime import UTC, datetime
from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe.billing import ending, portal, portal_acts
from opside_sandbox.stripe.billing.lines import product_name
from opside_sandbox.stripe.billing.portal import PATH
from opside_sandbox.stripe.billing.portal_acts import Visit
from opside_sandbox.stripe.billing.subscription_shape import items_of, period_of
from opside_sandbox.stripe.errors import Document, StripeError
from opside_sandbox.stripe.pages import html
from opside_sandbox.stripe.world import World


def router(state: SandboxState, wake: Callable[[], None]) -> APIRouter:
    """`/p/session/{secret}`: post `decision`=cancel or keep with `subscription`, or card with
    `number`.
    """
    routes = APIRouter()

    @routes.get(PATH + "/{secret}")
    async def visit(secret: str) -> Response:
        found = _open(state, secret)
        return html.page("This link has expired", "", status=404) if found is None else _show(found)

    @routes.post(PATH + "/{secret}")
    async def submit(secret: str, request: Request) -> Response:
        found = _open(state, secret)
        if found is None:
            return html.page("This link has expired", "", status=404)
        given = await html.posted(request)
        base_url = f"{request.url.scheme}://{request.url.netloc}"
        try:
            with state.store.transaction():
                bank = portal_acts.act(found, given, f"{base_url}{PATH}/{secret}", base_url)
        except StripeError as error:
            return _show(found, error=error.message)
        finally:
            wake()
        return RedirectResponse(bank or portal_acts.onward(found) or f"{PATH}/{secret}", 303)

    return routes


def _open(state: SandboxState, secret: str) -> Visit | None:
    world = World(state)
    session = portal.opened(world, secret)
    customer = world.get("customer", session["customer"]) if session else None
    if session is None or customer is None or customer.get("deleted"):
        return None
    return Visit(world, session, customer)


def _show(visit: Visit, *, error: str = "") -> Response:
    features = visit.features
    body = html.problem(error) + "".join(
        _subscription(visit, one) for one in portal_acts.subscriptions(visit)
    )
    if features["payment_method_update"]["enabled"]:
        body += _card(visit)
    if features["invoice_history"]["enabled"]:
        body += _invoices(visit)
    if back := visit.session["return_url"]:
        body += f'<p><a href="{escape(back)}">Go back</a></p>'
    return html.page("Your billing", body, status=400 if error else 200)


def _subscription(visit: Visit, subscription: Document) -> str:
    names = ", ".join(product_name(visit.world, one["price"]) for one in items_of(subscription))
    ends = subscription["cancel_at"]
    words = f"ends on {_day(ends)}" if ends else f"renews on {_day(period_of(subscription)[1])}"
    button = {"keep": "Keep it"} if ends else {"cancel": "Cancel the subscription"}
    form = html.form(
        visit.path,
        html.hidden({"subscription": subscription["id"]}) + html.choices("decision", button),
    )
    shown = form if visit.features["subscription_cancel"]["enabled"] else ""
    return f"<h2>{escape(names)}</h2><p>{escape(subscription['status'])}, {words}</p>{shown}"


def _card(visit: Visit) -> str:
    method = visit.world.get(
        "payment_method", visit.customer["invoice_settings"]["default_payment_method"] or ""
    )
    known = f"<p>Card ending in {escape(method['card']['last4'])}</p>" if method else ""
    fields = (
        html.field("number", "Card number", "4242 4242 4242 4242")
        + html.field("expiry", "Expiry", "08/34")
        + html.field("cvc", "Security code", "123")
        + html.choices("decision", {"card": "Use this card"})
    )
    return f"<h2>Card</h2>{known}" + html.form(visit.path, fields)


def _invoices(visit: Visit) -> str:
    rows = "".join(
        f"<li>{escape(one['number'])}, {_day(one['created'])}: {one['total'] / 100:.2f} "
        f"{escape(one['currency'].upper())}, {escape(one['status'])}</li>"
        for subscription in portal_acts.subscriptions(visit, ended=True)
        for one in ending.invoices_of(visit.world, subscription)
        if one["number"]
    )
    return f"<h2>Invoices</h2><ul>{rows}</ul>"


def _day(timestamp: int) -> str:
    return f"{datetime.fromtimestamp(timestamp, UTC):%d %b %Y}"
