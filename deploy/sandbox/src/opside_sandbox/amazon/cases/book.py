"""Filed cases, and everything that Amazon decides as its clock runs."""

from datetime import datetime, timedelta
from typing import Any

from opside_sandbox.amazon.cases import payments, plans
from opside_sandbox.amazon.cases.matching import claim_type_of, owed_loss
from opside_sandbox.amazon.history.generate import history_of
from opside_sandbox.amazon.history.model import Reimbursement
from opside_sandbox.amazon.identifiers import number
from opside_sandbox.amazon.personas import Persona, everybody
from opside_sandbox.amazon.view import PaidLoss, View
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

CASES = "amazon.cases"
_TEXTS = ("fnsku", "msku", "orderId", "referenceId")
_DENIED = "Our investigation shows that no reimbursement is due for these units."


def open_case(state: SandboxState, persona: Persona, claim: dict[str, Any]) -> Document:
    """Take a claim in. Raises ValueError for an unknown claim type or a quantity below one."""
    claim_type = claim_type_of(str(claim.get("claimType", "")))
    if int(claim["quantity"]) < 1:
        raise ValueError("quantity must be at least 1")
    plans.ready(state, persona)
    now = state.clock.now()
    wait = timedelta(seconds=state.settings.amazon_pace.decision_seconds)
    case_id = number(state, f"case/{persona.key}", digits=11, first="1")
    case: Document = {
        "caseId": case_id,
        "persona": persona.key,
        **{name: str(claim.get(name) or "") for name in _TEXTS},
        "claimType": claim_type,
        "quantity": int(claim["quantity"]),
        "filedAt": now.isoformat(),
        "decideAt": (now + wait).isoformat(),
        "status": "open",
        "decision": None,
        "note": "",
        "lossId": None,
        "paidQuantity": 0,
        "reimbursementId": None,
    }
    return state.store.put(CASES, case_id, case)


def decide_due(state: SandboxState, persona: Persona | None = None) -> None:
    """Do everything whose time has come, oldest first, each dated when it was due.

    `persona` is the account that will be looked at: its own plans are made first.
    """
    if persona is not None:
        plans.ready(state, persona)
    while due := _next_due(state):
        act, document, at = due
        with state.store.transaction():
            act(state, document, at)


def _next_due(state: SandboxState) -> tuple[Any, Document, datetime] | None:
    now = state.clock.now()
    waiting = [
        *((one["decideAt"], _decide, one) for one in state.store.list(CASES, status="open")),
        *((one["automaticAt"], _pay_unasked, one) for one in plans.automatic(state)),
        *(
            (one["reverseAt"], _reverse, one)
            for one in state.store.list(payments.PAYMENTS)
            if one.get("reverseAt")
        ),
    ]
    timed = [(datetime.fromisoformat(at), act, one) for at, act, one in waiting]
    due = [one for one in timed if one[0] <= now]
    if not due:
        return None
    at, act, document = min(due, key=lambda one: one[0])
    # Whole seconds, as the report shows them: a period ending in this second includes it.
    return act, document, at.replace(microsecond=0)


def paid_losses(state: SandboxState, persona: Persona) -> list[PaidLoss]:
    """Losses that Amazon has paid since the history ended, on cases and by itself."""
    by_case = [
        PaidLoss(one["lossId"], one["paidQuantity"], datetime.fromisoformat(one["decideAt"]))
        for one in state.store.list(CASES, persona=persona.key)
        if one["paidQuantity"]
    ]
    unasked = [
        PaidLoss(
            one["lossId"], one["units"] + one["inventory"],
            datetime.fromisoformat(one["approvedAt"]),
        )
        for one in payments.of(state, persona)
        if one.get("lossId") and not one["caseId"]
    ]  # fmt: skip
    return by_case + unasked


def _taken(state: SandboxState, persona: Persona) -> set[str]:
    return {one.loss_id for one in paid_losses(state, persona)}


def _decide(state: SandboxState, case: Document, at: datetime) -> None:
    persona = everybody(state)[case["persona"]]
    taken = _taken(state, persona)
    loss, note = owed_loss(history_of(state, persona), case, taken=taken, today=at.date())
    plan = plans.of(state, persona.key, loss.loss_id) if loss else {}
    if loss is None or plan["answer"] == "deny":
        refused = {"status": "closed", "decision": "denied", "note": note or _DENIED}
        state.store.put(CASES, case["caseId"], {**case, **refused})
        return
    units, unit = plans.paid_units(plan, loss, case["quantity"])
    payment = payments.pay(
        state, persona, loss, at=at, units=units, unit_minor=unit, plan=plan,
        case_id=case["caseId"],
    )  # fmt: skip
    whole = units == case["quantity"] and unit == loss.pays_unit_minor
    decided = {
        "status": "closed",
        "decision": "approved" if whole else "approved_in_part",
        "lossId": loss.loss_id,
        "paidQuantity": units,
        "reimbursementId": payment["reimbursementId"],
        "note": "Replaced in your inventory." if payment["inventory"] else "Reimbursed.",
    }
    state.store.put(CASES, case["caseId"], {**case, **decided})


def _pay_unasked(state: SandboxState, plan: Document, at: datetime) -> None:
    persona = everybody(state)[plan["persona"]]
    losses = {one.loss_id: one for one in history_of(state, persona).losses}
    loss = losses[plan["lossId"]]
    if loss.settled is None and loss.loss_id not in _taken(state, persona):
        units, unit = plans.paid_units(plan, loss, loss.pays_quantity)
        payments.pay(state, persona, loss, at=at, units=units, unit_minor=unit, plan=plan)
    plans.carried_out(state, plan)


def _reverse(state: SandboxState, payment: Document, at: datetime) -> None:
    """The units were found: they come back, and what is left of the money goes."""
    key = f"{payment['reimbursementId']}/1"
    state.store.put(payments.PAYMENTS, key, {**payment, "reverseAt": None})
    persona = everybody(state)[payment["persona"]]
    row = payments.reimbursement(payment, _products(state, persona))
    left = payments.left_of(state, row)
    if left > 0:
        payments.take_back(state, persona, row, at=at, amount_minor=left, found=payment["units"])


def _products(state: SandboxState, persona: Persona) -> dict[str, Any]:
    return {one.sku: one for one in history_of(state, persona).products}


def view_of(
    state: SandboxState, persona: Persona, *, as_of: datetime, start: datetime, end: datetime
) -> View:
    """The history and all decisions up to `as_of`, for the period asked for."""
    made, products = payments.of(state, persona), _products(state, persona)
    decided = tuple(payments.reimbursement(one, products) for one in made)
    moved = tuple(event for one in made for event in payments.moved(one, persona, products))
    paid = tuple(paid_losses(state, persona))
    history = history_of(state, persona)
    return View(history, as_of, start, end, {}, decided, paid, moved)


def whole_view(state: SandboxState, persona: Persona) -> View:
    """Everything up to now."""
    decide_due(state, persona)
    now = state.clock.now()
    return view_of(state, persona, as_of=now, start=now - timedelta(days=3650), end=now)


def take_back(state: SandboxState, reimbursement_id: str, amount_minor: int) -> Document:
    """Amazon takes a payment back, in part or whole.

    Raises LookupError for an unknown payment, ValueError for more than is left of it.
    """
    persona, row = _paid_row(state, reimbursement_id)
    if not 0 < amount_minor <= payments.left_of(state, row):
        raise ValueError("the amount must be above zero and at most what is left of the payment")
    return payments.take_back(state, persona, row, at=state.clock.now(), amount_minor=amount_minor)


def _paid_row(state: SandboxState, reimbursement_id: str) -> tuple[Persona, Reimbursement]:
    for persona in everybody(state).values():
        for row in whole_view(state, persona).reimbursements():
            if row.reimbursement_id == reimbursement_id and row.total_minor > 0:
                return persona, row
    raise LookupError(f"no payment {reimbursement_id}")
