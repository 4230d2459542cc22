"""Seller Central for a person: file a case, see the cases, see the sourcing costs."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from opside_sandbox.amazon import pages
from opside_sandbox.amazon.browser import signed_in
from opside_sandbox.amazon.cases import book
from opside_sandbox.amazon.history.costs import cost_of
from opside_sandbox.amazon.history.generate import history_of
from opside_sandbox.amazon.personas import Persona, everybody
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

_FIELDS = ("claimType", "fnsku", "msku", "orderId", "referenceId", "quantity")
_SHOWN = ("caseId", "claimType", "fnsku", "quantity", "status", "decision", "note")
_HIDDEN = ("lossId", "persona")


def wants_json(request: Request) -> bool:
    """Whether the caller is a program."""
    return "application/json" in request.headers.get("accept", "")


def public_case(case: Document) -> dict[str, Any]:
    """What the seller sees of his case: not Amazon's own notes."""
    return {name: value for name, value in case.items() if name not in _HIDDEN}


def costs_of(state: SandboxState, persona: Persona) -> list[dict[str, Any]]:
    """The seller's own supplier prices, from his invoices."""
    history, currency = history_of(state, persona), persona.store.currency
    return [cost_of(one, currency=currency, born=history.born) for one in history.products]


def _refused(request: Request, text: str, status: int) -> Response:
    if wants_json(request):
        return JSONResponse({"error": text}, status)
    return pages.page("Seller Central", pages.paragraph(text), status)


def _seller(state: SandboxState, request: Request, named: object) -> Persona | None:
    person = everybody(state).get(str(named or "")) or signed_in(state, request)
    return person if person is not None and person.marketplace is not None else None


def _case_log(state: SandboxState, request: Request, person: Persona) -> Response:
    book.decide_due(state, person)
    cases = [public_case(one) for one in state.store.list(book.CASES, persona=person.key)]
    if wants_json(request):
        return JSONResponse({"cases": cases})
    fields = "".join(pages.text_input(name, name) for name in _FIELDS)
    body = pages.table(_SHOWN, ([str(one[name] or "") for name in _SHOWN] for one in cases))
    hidden = {"persona": person.key}
    body += pages.form("/seller-central/cases", hidden, fields, {"file": "Submit case"})
    return pages.page("Case log", body)


def _file(
    state: SandboxState, request: Request, person: Persona, claim: dict[str, str]
) -> Response:
    if not claim["quantity"].isdecimal() or not claim["fnsku"]:
        return _refused(request, "fnsku and a whole quantity are required.", 400)
    try:
        case = book.open_case(state, person, claim)
    except ValueError as error:
        return _refused(request, str(error), 400)
    if wants_json(request):
        return JSONResponse(public_case(case), 201)
    text = f"Your case ID is {case['caseId']}. We will answer soon."
    return pages.page("Case submitted", pages.paragraph(text), 201)


def _costs(state: SandboxState, request: Request, person: Persona) -> Response:
    rows = costs_of(state, person)
    if wants_json(request):
        return JSONResponse(rows)
    names = ("sku", "unitCostCents", "currency", "sourceDocument", "effectiveDate")
    body = pages.table(names, ([str(one[name]) for name in names] for one in rows))
    return pages.page("Manage Your Sourcing Cost", body)


def seller_central_router(state: SandboxState) -> APIRouter:
    """Pages of a signed-in seller; `persona` may be named where no cookie is at hand."""
    router = APIRouter(prefix="/seller-central")
    nobody = "Sign in as a seller first."

    @router.get("/cases")
    async def show(request: Request) -> Response:
        person = _seller(state, request, request.query_params.get("persona"))
        return _case_log(state, request, person) if person else _refused(request, nobody, 401)

    @router.post("/cases")
    async def file(request: Request) -> Response:
        given = await request.form()
        person = _seller(state, request, given.get("persona"))
        if person is None:
            return _refused(request, nobody, 401)
        claim = {name: str(given.get(name) or "").strip() for name in _FIELDS}
        return _file(state, request, person, claim)

    @router.get("/sourcing-costs")
    async def costs(request: Request) -> Response:
        person = _seller(state, request, request.query_params.get("persona"))
        return _costs(state, request, person) if person else _refused(request, nobody, 401)

    return router
