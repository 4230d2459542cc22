"""Faults of the API, addressed as "the n-th call of operation X in this run"."""

from dataclasses import dataclass
from typing import Literal

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe.errors import Document, StripeError

Kind = Literal[
    "timeout_before",  # silence, then the connection is cut; nothing has happened
    "timeout_after",  # the same, but it has happened
    "500_before",
    "500_after",
    "429",  # rate_limit
    "lock_timeout",  # 429: another request holds the object
    "reset",  # the connection is cut at once; nothing has happened
    "reset_after",
    "slow",  # the answer comes late
    "slow_body",  # the headers come at once, the body bit by bit
    "wrong_type",  # done, but the answer is an HTML page
]
SPOILING = {"slow_body", "wrong_type"}
_RULES = "stripe.api_fault"
_CALLS = "stripe.calls"
DEFAULT_SECONDS = 90.0
"""Longer than the SDK's own time limit of 80 seconds."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What this call suffers. `seconds`: how long it hangs."""

    kind: str
    seconds: float


def calls(state: SandboxState) -> dict[str, int]:
    """How often each operation has been called in this run."""
    return {row["id"]: row["count"] for row in state.store.list(_CALLS)}


def add(state: SandboxState, rule: Document) -> Document:
    """Plan a fault. `nth` counts from the start of the run, or (`relative`) from now on."""
    number = f"flt_{state.store.next_number('api_fault')}"
    nth = rule["nth"]
    if rule.pop("relative"):
        nth += calls(state).get(rule["operation"], 0)
    return state.store.put(_RULES, number, {"id": number, **rule, "nth": nth})


def planned(state: SandboxState) -> list[Document]:
    """All rules, met or not."""
    return state.store.list(_RULES)


def clear(state: SandboxState) -> None:
    """Forget the rules; the counts stay."""
    for rule in planned(state):
        state.store.delete(_RULES, rule["id"])


def meet(state: SandboxState, operation: str) -> Fault | None:
    """Count this call; answers the fault planned for it, if any."""
    with state.store.transaction():
        known = state.store.get(_CALLS, operation) or {"id": operation, "count": 0}
        count = known["count"] + 1
        state.store.put(_CALLS, operation, {"id": operation, "count": count})
    for rule in state.store.list(_RULES, operation=operation):
        if rule["nth"] <= count < rule["nth"] + rule["times"]:
            return Fault(rule["kind"], float(rule["seconds"]))
    return None


def too_many(kind: str) -> StripeError:
    """429 `rate_limit` or `lock_timeout`, which no idempotency key remembers."""
    if kind == "lock_timeout":
        error = StripeError(
            429,
            "This object cannot be accessed right now because another API request or Stripe "
            "process is currently accessing it. If you see this error intermittently, retry the "
            "request.",
            code="lock_timeout",
        )
    else:
        error = StripeError(
            429,
            "Request rate limit exceeded. Learn more about rate limits here "
            "https://stripe.com/docs/rate-limits.",
            code="rate_limit",
        )
    error.saved = False
    return error


def unknown_error() -> StripeError:
    """500 api_error; an idempotency key remembers it."""
    return StripeError(
        500,
        "An unknown error occurred while processing your request. Please try again later.",
        kind="api_error",
    )
