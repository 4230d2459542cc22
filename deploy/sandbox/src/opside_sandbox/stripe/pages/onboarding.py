"""Express onboarding: one page in place of Stripe's many, prefilled with test data."""

from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe import accounts, external_accounts
from opside_sandbox.stripe.account_links import LINKS
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.pages import html
from opside_sandbox.stripe.world import World

TEST_ANSWERS = {
    "email": "seller@example.com",
    "sms_code": "000-000",
    "business_type": "individual",
    "first_name": "Jenny",
    "last_name": "Rosen",
    "dob": "1901-01-01",
    "id_number": "000000000",
    "url": "https://example.com",
    "routing_number": "110000000",
    "account_number": "000123456789",
}
_LABELS = {
    "email": "Email",
    "sms_code": "Code sent to your phone (test: 000-000)",
    "business_type": "Business type",
    "first_name": "First name",
    "last_name": "Last name",
    "dob": "Date of birth",
    "id_number": "Social security number (test: 000000000)",
    "url": "Website",
    "routing_number": "Bank routing number (test: 110000000)",
    "account_number": "Bank account number",
}
_TEST_BANK_ACCOUNTS = {
    "000123456789", "000111111116", "000111111113", "000222222227", "000333333335", "000444444440",
}  # fmt: skip
_DECISIONS = {"complete": "Agree and submit", "later": "Save for later"}


def router(state: SandboxState, wake: Callable[[], None]) -> APIRouter:
    """The page behind an account link, and the dashboard that a login link opens."""
    routes = APIRouter()

    @routes.get("/setup/s/{account_id}/{token}")
    async def visit(account_id: str, token: str) -> Response:
        """A link works once; afterwards, or too late, it leads to the refresh URL."""
        link = _link(state, account_id, token)
        if link is None:
            return html.page("This link is not valid", "", status=404)
        if link["visited"] or link["expires_at"] <= state.clock.timestamp():
            return RedirectResponse(link["refresh_url"], 302)
        session = state.token("onboarding_session", 24)
        state.store.put(LINKS, token, {**link, "visited": True, "session": session})
        return _form(link, session, TEST_ANSWERS)

    @routes.post("/setup/s/{account_id}/{token}")
    async def submit(account_id: str, token: str, request: Request) -> Response:
        link = _link(state, account_id, token)
        given = await html.posted(request)
        if link is None or given.get("session") != link.get("session"):
            return html.page("This link is not valid", "", status=404)
        if given.get("decision") == "later":
            return RedirectResponse(link["return_url"], 302)
        answers = {**TEST_ANSWERS, **given}
        if wrong := _wrong(answers, given.get("decision")):
            return _form(link, link["session"], answers, error=wrong)
        with state.store.transaction():
            _take(World(state), account_id, answers)
        wake()
        return RedirectResponse(link["return_url"], 302)

    @routes.get("/express/{account_id}/{token}")
    async def dashboard(account_id: str, token: str) -> Response:  # noqa: ARG001 (in the URL)
        return html.page("Express Dashboard", "<p>Nothing to see in the sandbox.</p>")

    return routes


def _take(world: World, account_id: str, answers: dict[str, str]) -> None:
    """All of it the first time; later only a bank account that payouts have failed to reach."""
    account = accounts.known(world, account_id)
    if not account["details_submitted"]:
        accounts.complete(world, account, answers)
    elif "external_account" in account["requirements"]["currently_due"]:
        external_accounts.replace(world, account, answers["account_number"])


def _link(state: SandboxState, account_id: str, token: str) -> Document | None:
    link = state.store.get(LINKS, token)
    return link if link is not None and link["account"] == account_id else None


def _form(link: Document, session: str, answers: dict[str, str], *, error: str = "") -> Response:
    fields = "".join(html.field(name, _LABELS[name], answers[name]) for name in _LABELS)
    body = html.problem(error) + html.form(
        f"/setup/s/{link['account']}/{link['id']}",
        html.hidden({"session": session}) + fields + html.choices("decision", _DECISIONS),
    )
    return html.page("Set up payouts", body, status=400 if error else 200)


def _wrong(answers: dict[str, str], decision: str | None) -> str:
    """Only test data is taken, so that nobody types his own."""
    if decision != "complete":
        return "Choose to submit or to save for later."
    if answers["sms_code"] != "000-000":
        return "The code is 000-000."
    if answers["id_number"] != "000000000":
        return "Only the test number 000000000 is taken here."
    if answers["routing_number"] != "110000000":
        return "Only the test routing number 110000000 is taken here."
    if answers["account_number"] not in _TEST_BANK_ACCOUNTS:
        return "Only Stripe's test bank accounts are taken here, such as 000123456789."
    if answers["business_type"] not in {"individual", "company", "non_profit"}:
        return "The business type is individual, company or non_profit."
    return ""
