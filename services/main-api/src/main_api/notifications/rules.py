"""Which kinds of notices there are, and how they are told unless the seller chose otherwise. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum


class Kind(StrEnum):
    """What a notice is about."""

    FOUND = "found"
    DEADLINE = "deadline"
    PAID = "paid"
    TAKEN_BACK = "taken_back"
    CHARGED = "charged"
    CHARGE_FAILED = "charge_failed"
    FEE_GIVEN_BACK = "fee_given_back"
    RECONNECT = "reconnect"


BY_EMAIL = frozenset(Kind) - {Kind.PAID}
"""By default everything but single payments, which the letter about the fee tells again."""
MOST_IN_A_LETTER = 50
"""Longer letters are not read; the feed has the rest."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What to tell. `key` is the same whenever the same thing is told again."""

    kind: Kind
    key: str
    title: str
    body: str
    link: str = "/dashboard"


GRACE = timedelta(seconds=60)
"""A notice of a span's last moment is committed a little later: its letter waits that long for it."""


def letter_due(now: datetime, *, every_seconds: int) -> datetime:
    """When the letter about this span of time goes out: at its end, and a grace, the span at most."""
    span = timedelta(seconds=every_seconds)
    end = now + span - (now - datetime(2020, 1, 1, tzinfo=UTC)) % span
    return end + min(span, GRACE)


def letter_text(notices: Sequence[tuple[str, str, str]], *, more: int, app_url: str) -> str:
    """The body of a letter about (title, body, link), oldest first."""
    parts = [f"{title}\n{body}\n{app_url}{link}\n" for title, body, link in notices]
    if more:
        parts.append(f"And {more} more: {app_url}/dashboard\n")
    parts.append(f"Which notices come by e-mail is yours to choose: {app_url}/dashboard\n")
    return "\n".join(parts)


def letter_subject(titles: Sequence[str], *, more: int) -> str:
    """The one thing that happened, or how many."""
    total = len(titles) + more
    return titles[0] if total == 1 else f"{total} news from Opside"
