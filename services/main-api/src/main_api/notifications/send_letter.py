"""One letter about everything that a seller is to be told by e-mail."""

import hashlib
from contextlib import suppress

from main_api.accounts.profile import address_of
from main_api.mail_api.errors import AddressRefused
from main_api.mail_api.gateway import Letter, Mailer
from main_api.notifications import queries
from main_api.notifications.models import Notification
from main_api.notifications.rules import MOST_IN_A_LETTER, letter_subject, letter_text
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import StagedJob, fence


async def send_letter(
    sessions: Sessions, mailer: Mailer | None, job: StagedJob, *, app_url: str
) -> None:
    """Sent at least once, and marked after it was: a worker that dies in between sends it again.

    Raises:
        MailUnavailable: the server is away; tried again.
    """
    user_id = job.tenant or ""
    async with transaction(sessions, tenant=user_id) as session:
        waiting = await queries.unsent(session, user_id)
        address = await address_of(session, user_id)
    if not waiting:
        return
    if mailer is not None and address:
        # A refused address stays refused; the feed has it all.
        with suppress(AddressRefused):
            await mailer.send(_letter(waiting, address, app_url))
    async with transaction(sessions, tenant=user_id) as session:
        await fence(session, job)
        await queries.mark_sent(session, [one.id for one in waiting])


def _letter(waiting: list[Notification], address: str, app_url: str) -> Letter:
    shown = waiting[:MOST_IN_A_LETTER]
    more = len(waiting) - len(shown)
    ids = ",".join(one.id for one in waiting)
    return Letter(
        letter_id=hashlib.sha256(ids.encode()).hexdigest()[:32],
        to=address,
        subject=letter_subject([one.title for one in shown], more=more),
        text=letter_text(
            [(one.title, one.body, one.link) for one in shown], more=more, app_url=app_url
        ),
    )
