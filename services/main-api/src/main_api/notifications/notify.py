"""Tell a seller something, once."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from main_api.notifications import queries
from main_api.notifications.models import Notification
from main_api.notifications.rules import BY_EMAIL, Notice, letter_due
from opside_chassis.ids import new_id
from opside_chassis.outbox import stage

SEND_LETTER = "send_letter"


@dataclass(frozen=True, slots=True)
class LetterTerms:
    """How often a seller gets a letter at most, in seconds; None: there is no mail server."""

    every_seconds: int | None
    now: datetime


async def notify(
    session: AsyncSession, *, user_id: str, notice: Notice, terms: LetterTerms
) -> bool:
    """Put it into the feed and, where the seller wants that, into his next letter.

    False when the same thing was told before: nothing happens then.
    """
    chosen = await queries.preferences_of(session, user_id)
    by_email = terms.every_seconds is not None and chosen.get(notice.kind, notice.kind in BY_EMAIL)
    fresh = Notification(
        id=new_id("ntf"),
        user_id=user_id,
        kind=notice.kind.value,
        key=notice.key,
        title=notice.title,
        body=notice.body,
        link=notice.link,
        by_email=by_email,
    )
    if not await queries.insert_notification(session, fresh):
        return False
    if by_email and terms.every_seconds is not None:
        due = letter_due(terms.now, every_seconds=terms.every_seconds)
        await stage(
            session,
            SEND_LETTER,
            {},
            tenant=user_id,
            due_at=due,
            dedupe_key=f"{SEND_LETTER}:{user_id}:{int(due.timestamp())}",
        )
    return True
