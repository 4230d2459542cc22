"""How a Stripe call fails: definitely, or with an unknown outcome."""

from collections.abc import Iterator
from contextlib import contextmanager

from opside_chassis.errors import Conflict, Unavailable

ASK_AGAIN_SECONDS = 5
ACCOUNT_GONE = "account_invalid"
"""The code of a refusal: the account is not, or no longer, connected to our platform."""


class OutcomeUnknown(Exception):
    """Timeout, reset, 409, 429 or 5xx: it may have happened. Only fetching tells (money-safety 5).

    `saved`: Stripe keeps this failure under the idempotency key, and answers it again for a day.
    """

    def __init__(self, reason: str, *, saved: bool = False) -> None:
        super().__init__(reason)
        self.saved = saved


class Refused(Exception):
    """Stripe said no for good: the request changed nothing."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class RefusedByStripe(Conflict):
    """What was asked for is not possible at Stripe as things stand there."""

    code = "refused_by_stripe"


@contextmanager
def told_to_callers() -> Iterator[None]:
    """For routes that ask Stripe while a caller waits: its failures in our words.

    Raises:
        Unavailable: Stripe did not answer; asking again is safe.
        RefusedByStripe: Stripe said no for good.
    """
    try:
        yield
    except OutcomeUnknown as error:
        raise Unavailable(
            "Stripe does not answer; try again", retry_after_seconds=ASK_AGAIN_SECONDS
        ) from error
    except Refused as error:
        raise RefusedByStripe("Stripe refused this", stripeCode=error.code) from error
