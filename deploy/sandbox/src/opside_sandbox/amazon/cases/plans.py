"""How Amazon will answer for a loss: what the seller cannot know when he files.

Without a plan Amazon pays what it owes. A plan may deny, pay in part or in stock, pay by itself
before anybody files, and take a payment back later. Accounts with `surprises` have plans for
some of their losses from the start; the control API makes others.
"""

import zlib
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, Field

from opside_sandbox.amazon.history.generate import birthday, history_of
from opside_sandbox.amazon.history.model import Loss
from opside_sandbox.amazon.personas import Persona
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

Answer = Literal["approve", "part", "deny", "stock"]
_PLANS = "amazon.desk_plans"
_READY = "amazon.desk_plans_ready"
_DAY = 86400.0
_SURPRISES: tuple[tuple[Answer, float | None, float | None], ...] = (
    ("approve", None, None), ("deny", None, None), ("stock", None, None),
    ("approve", None, 30 * _DAY), ("part", None, None), ("approve", 6 * _DAY, None),
)  # fmt: skip
"""(answer to a filing, paid by itself after, taken back after): taken in turn by an id's hash."""


class Plan(BaseModel):
    """What Amazon does about a loss; seconds of the sandbox's clock.

    `automatic_after_seconds` counts from now, `reverse_after_seconds` from the payment.
    """

    persona: str
    loss_id: str = Field(min_length=1)
    answer: Answer = "approve"
    automatic_after_seconds: float | None = Field(default=None, ge=0)
    reverse_after_seconds: float | None = Field(default=None, gt=0)


def make(state: SandboxState, plan: Plan, *, since: datetime | None = None) -> Document:
    """Keep a plan; an older one for the same loss is forgotten."""
    automatic_at = None
    if plan.automatic_after_seconds is not None:
        start = since or state.clock.now()
        automatic_at = (start + timedelta(seconds=plan.automatic_after_seconds)).isoformat()
    kept = {
        "persona": plan.persona,
        "lossId": plan.loss_id,
        "answer": plan.answer,
        "automaticAt": automatic_at,
        "automaticDone": False,
        "reverseAfter": plan.reverse_after_seconds,
    }
    return state.store.put(_PLANS, _key(plan.persona, plan.loss_id), kept)


def ready(state: SandboxState, persona: Persona) -> None:
    """Make the plans that an account with surprises has from its first day, once."""
    if not persona.surprises or state.store.get(_READY, persona.key) is not None:
        return
    first_day = datetime.fromisoformat(f"{birthday(state).isoformat()}T12:00:00+00:00")
    with state.store.transaction():
        state.store.put(_READY, persona.key, {"persona": persona.key})
        for loss in history_of(state, persona).losses:
            if loss.settled is None:
                make(state, _surprise(persona, loss), since=first_day)


def _surprise(persona: Persona, loss: Loss) -> Plan:
    place = zlib.crc32(loss.loss_id.encode()) % (len(_SURPRISES) * 2)
    answer, automatic, reverse = _SURPRISES[place // 2] if place % 2 else _SURPRISES[0]
    # Amazon pays by itself for what it lost in its own centres (facts, section 6).
    if not loss.claim_type.startswith("warehouse"):
        automatic = None
        answer = "approve" if answer == "stock" else answer
    return Plan(
        persona=persona.key,
        loss_id=loss.loss_id,
        answer=answer,
        automatic_after_seconds=automatic,
        reverse_after_seconds=reverse,
    )


def of(state: SandboxState, persona_key: str, loss_id: str) -> Document:
    """The plan for a loss; Amazon approves where there is none."""
    found = state.store.get(_PLANS, _key(persona_key, loss_id))
    return found or {
        "answer": "approve", "automaticAt": None, "automaticDone": False, "reverseAfter": None,
    }  # fmt: skip


def automatic(state: SandboxState) -> list[Document]:
    """Plans to pay without a case that are still to be carried out."""
    found = state.store.list(_PLANS, automaticDone=False)
    return [one for one in found if one["automaticAt"] is not None]


def carried_out(state: SandboxState, plan: Document) -> None:
    """The automatic payment was made, or there was nothing left to pay."""
    key = _key(plan["persona"], plan["lossId"])
    state.store.put(_PLANS, key, {**plan, "automaticDone": True})


def paid_units(plan: Document, loss: Loss, asked: int) -> tuple[int, int]:
    """(units, minor units for each) that Amazon pays of a claim it does not deny."""
    units, unit = min(asked, loss.pays_quantity), loss.pays_unit_minor
    if plan["answer"] != "part":
        return units, unit
    return (units - 1, unit) if units > 1 else (units, unit // 2)


def _key(persona_key: str, loss_id: str) -> str:
    return f"{persona_key}|{loss_id}"
