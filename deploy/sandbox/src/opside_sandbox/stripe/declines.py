"""A declined card as an answer: 402, and the objects that it leaves behind."""

from opside_sandbox.stripe.cards import Decline
from opside_sandbox.stripe.errors import Document, StripeError, doc_url


def details(decline: Decline, *, charge: str | None, method: Document | None) -> Document:
    """What `last_payment_error`, `last_setup_error` and the answer have in common."""
    error: Document = {
        "code": decline.code,
        "decline_code": decline.decline_code,
        "doc_url": doc_url(decline.code),
        "message": decline.message,
        "type": "card_error",
    }
    if decline.advice:
        error["advice_code"] = decline.advice
    if decline.network_code:
        error["network_decline_code"] = decline.network_code
    if charge:
        error["charge"] = charge
    if method:
        error["payment_method"] = method
    return error


def card_error(
    decline: Decline,
    *,
    charge: str | None = None,
    method: Document | None = None,
    inside: Document | None = None,
) -> StripeError:
    """402 card_error. `inside` maps `payment_intent` or `setup_intent` to the shown object."""
    extra = details(decline, charge=charge, method=method)
    for known in ("message", "type", "code", "doc_url"):
        extra.pop(known)
    error = StripeError(
        402,
        decline.message,
        kind="card_error",
        code=decline.code,
        extra={**extra, **(inside or {})},
    )
    error.keeps_effects = inside is not None
    return error
