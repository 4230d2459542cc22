"""What the letters about an erasure say. Pure."""

from dataclasses import dataclass
from datetime import datetime

from main_api.user_data.models import AccountErasure
from main_api.user_data.own_erasure import USER

GOES = """What goes: your name and address, your sessions, our access to your Amazon, Google and Stripe
accounts, reports, documents, cases, claims and messages.
What stays, for seven years: what our fees were computed from, with a number instead of your name."""


@dataclass(frozen=True, slots=True)
class Words:
    """Of one letter."""

    subject: str
    text: str


def ordered(erasure: AccountErasure, *, app_url: str) -> Words:
    """An erasure was ordered: when it begins, what goes, and how to stop it."""
    by = (
        "Somebody who is signed in to your account ordered its erasure"
        if erasure.ordered_by == USER
        else "Our staff ordered the erasure of your account, as asked for by letter"
    )
    begun = f"{by} on {_moment(erasure.ordered_at)}."
    if erasure.starts_at <= erasure.ordered_at:
        return Words(
            "Your Opside account is being erased",
            f"{begun}\n\nIt begins at once and cannot be undone.\n\n{GOES}\n",
        )
    return Words(
        "Your Opside account will be erased",
        f"{begun}\n\n"
        f"It begins on {_moment(erasure.starts_at)}; from then on it cannot be undone. While money is"
        f" in flight, such as a fee that is being collected, it waits for that.\n\n{GOES}\n\n"
        "If this is what you want, there is nothing to do.\n\n"
        f'If not: sign in at {app_url}/dashboard before then and choose "Keep my account". If it was'
        ' not you who ordered it, choose "Sign out everywhere" there as well: whoever did was signed'
        " in as you.\n",
    )


def kept(erasure: AccountErasure, *, app_url: str) -> Words:
    """An order was taken back."""
    return Words(
        "Your Opside account stays",
        f"The erasure that was ordered on {_moment(erasure.ordered_at)} is cancelled: nothing was"
        f" erased.\n\nIf it was not you who cancelled it, sign in at {app_url}/dashboard, choose"
        ' "Sign out everywhere" and order it again.\n',
    )


def _moment(when: datetime) -> str:
    return f"{when:%d %B %Y, %H:%M} UTC"
