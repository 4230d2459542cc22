"""Find messages that may hold papers: all of the mailbox once, then what Gmail's history adds."""

from integrations_backend.gmail_api.errors import MailRequestRefused, NotThere
from integrations_backend.gmail_api.gateway import Changes, Ids
from integrations_backend.mail.desk import Desk
from integrations_backend.mail.rules import HISTORY_UNITS, LIST_UNITS, SEARCH

LIST_PAGE = 500


async def find_mails(desk: Desk) -> None:
    """Store the ids of new messages.

    Where the history does not reach back far enough the mailbox is listed from the beginning;
    what was read before is not read again.
    """
    row = await desk.mailbox()
    since = row.history_id
    if since is not None:
        try:
            await _find_changes(desk, since)
        except NotThere:
            await desk.note(history_id=None, listing_from=None, page=None)
        else:
            return
    await _find_all(desk)


async def _find_changes(desk: Desk, since: str) -> None:
    page: str | None = None
    while True:
        found = await _changes(desk, since, page)
        await desk.found(list(found.arrived))
        page = found.next_page
        if page is None:
            await desk.note(history_id=found.history_id)
            return


async def _find_all(desk: Desk) -> None:
    row = await desk.mailbox()
    if row.listing_from is None:
        # Before the first page: what arrives while we list is in the history after this.
        profile = await desk.ask(1, lambda gmail, token: gmail.profile(token))
        await desk.note(listing_from=profile.history_id, page=None)
    page = row.page
    while True:
        try:
            found = await _listed(desk, page)
        except MailRequestRefused:
            if page is None:
                raise
            page = None  # the page's token is of long ago
            continue
        await desk.found(list(found.ids))
        page = found.next_page
        if page is None:
            break
        await desk.note(page=page)
    row = await desk.mailbox()
    await desk.note(history_id=row.listing_from, listing_from=None, page=None)


async def _changes(desk: Desk, since: str, page: str | None) -> Changes:
    return await desk.ask(
        HISTORY_UNITS, lambda gmail, token: gmail.changes(token, since=since, page=page)
    )


async def _listed(desk: Desk, page: str | None) -> Ids:
    return await desk.ask(
        LIST_UNITS, lambda gmail, token: gmail.search(token, SEARCH, limit=LIST_PAGE, page=page)
    )
