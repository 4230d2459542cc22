"""One call of the SDK: its answer as plain data, or one of our two errors."""

from collections.abc import Awaitable, Mapping
from typing import Any

import stripe

from opside_chassis.database import refuse_open_transaction
from stripe_payments.stripe_api.errors import ACCOUNT_GONE, OutcomeUnknown, Refused


class Declined(Exception):
    """A card was declined: an answer, with the intent inside."""

    def __init__(self, intent: Mapping[str, Any]) -> None:
        self.intent = intent


def key(idempotency_key: str) -> Any:  # noqa: ANN401 - the SDK's options type is a TypedDict
    """The options of a call that may be repeated."""
    return {"idempotency_key": idempotency_key}


async def answer(call: Awaitable[Any]) -> dict[str, Any]:
    """The answer as plain data, or one of our two errors."""
    refuse_open_transaction()
    try:
        answer = await call
    except stripe.CardError as error:
        intent = error.error.payment_intent if error.error else None
        if intent is None:
            raise Refused(error.code or "card_error", str(error.user_message)) from error
        raise Declined(plain(intent)) from error
    except stripe.InvalidRequestError as error:
        raise Refused(error.code or type(error).__name__, str(error.user_message)) from error
    except stripe.PermissionError as error:
        # Another 403 is a key without the right, which somebody mends: the same call works then.
        # The SDK leaves the code of this one in the body.
        if error.error is None or error.error.code != ACCOUNT_GONE:
            raise _unknown(error) from error
        raise Refused(ACCOUNT_GONE, str(error.user_message)) from error
    except stripe.IdempotencyError as error:
        raise Refused("idempotency_error", str(error.user_message)) from error
    except stripe.StripeError as error:
        raise _unknown(error) from error
    return plain(answer)


def _unknown(error: stripe.StripeError) -> OutcomeUnknown:
    saved = (error.headers or {}).get("Idempotent-Replayed") == "true"
    return OutcomeUnknown(f"{type(error).__name__} {error.http_status}", saved=saved)


def plain(answer: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever the SDK built
    """The SDK's object as plain data."""
    found: dict[str, Any] = answer if isinstance(answer, dict) else answer.to_dict()
    return found
