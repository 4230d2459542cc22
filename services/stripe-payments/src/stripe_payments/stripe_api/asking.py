"""When a request whose outcome nobody knows may be made under another key (money-safety 5).

A key proves nothing for ever: Stripe answers a saved 500 again for a day, and forgets the key after it.
What proves that a request did nothing are two lists, an hour apart, that show nothing of it.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from stripe_payments.stripe_api.errors import OutcomeUnknown, Refused

KEY_LIVES = timedelta(hours=20)
"""So long the same key may be used: Stripe may forget it after 24 hours."""
LISTS_APART = timedelta(hours=1)
"""The database refuses the next key to lists that are closer together (migration 0008)."""
MOST_KEYS = 5
"""Stripe failing so often on one request is for a person to look at."""
ASKED_IN_VAIN = "asked_in_vain"
"""The case that asks him."""

_OTHER_PARAMETERS = "idempotency_error"


Made = TypeVar("Made")


class Turn(StrEnum):
    """What to do about a request of which a list shows nothing."""

    ASK = "ask"
    """Under its present key, for the first time or again."""
    NOTE_UNSEEN = "note_unseen"
    """The key is of no use any more: this empty list is the first of the two."""
    WAIT = "wait"
    NEXT_KEY = "next_key"
    """This empty list is the second."""


def turn(*, asked_at: datetime | None, unseen_at: datetime | None, now: datetime) -> Turn:
    """Given when its present key was taken (None: nobody knows), and when the first empty list was seen."""
    if unseen_at is not None:
        return Turn.NEXT_KEY if now - unseen_at >= LISTS_APART else Turn.WAIT
    if asked_at is None or now - asked_at >= KEY_LIVES:
        return Turn.NOTE_UNSEEN
    return Turn.ASK


def key_is_useless(failure: OutcomeUnknown | Refused) -> bool:
    """True when the same key would bring the same failure again, whatever happened at first."""
    if isinstance(failure, OutcomeUnknown):
        return failure.saved
    return failure.code == _OTHER_PARAMETERS


async def with_next_key(ask: Callable[[int], Awaitable[Made]]) -> Made:
    """For what does no harm when it is made twice: another key as soon as one brings a saved failure.

    A repeat goes through the same keys, and so ends at the same object.

    Raises:
        OutcomeUnknown: Stripe did not answer; asking again is safe.
    """
    for number in range(1, MOST_KEYS + 1):
        try:
            return await ask(number)
        except OutcomeUnknown as unknown:
            if not unknown.saved:
                raise
    raise OutcomeUnknown(f"Stripe saved a failure under {MOST_KEYS} keys", saved=True)


def seconds_to_wait(unseen_at: datetime, now: datetime) -> float:
    """Until the second list may be asked for."""
    return (unseen_at + LISTS_APART - now).total_seconds()
