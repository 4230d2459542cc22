"""All SQL about mailboxes and the messages found in them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.mail.models import FoundMail, MailboxState


async def open_mailbox(
    session: AsyncSession, user_id: str, account_id: str, *, now: datetime
) -> MailboxState:
    """The row of this account; another account of the user begins anew."""
    await session.execute(
        insert(MailboxState).values(user_id=user_id, account_id=account_id).on_conflict_do_nothing()
    )
    row = await session.get_one(MailboxState, user_id, with_for_update=True)
    if row.account_id != account_id:
        row.account_id = account_id
        row.history_id = row.listing_from = row.page = None
    if row.looking_since is None:
        row.looking_since = now
    return row


async def note(session: AsyncSession, user_id: str, **values: object) -> None:
    """Change the user's mailbox row."""
    statement = update(MailboxState).where(MailboxState.user_id == user_id).values(**values)
    await session.execute(statement)


async def add_found(
    session: AsyncSession, user_id: str, account_id: str, message_ids: Sequence[str]
) -> None:
    """Store ids of messages to read; known ones stay as they are."""
    if message_ids:
        values = [
            {"user_id": user_id, "account_id": account_id, "message_id": one} for one in message_ids
        ]
        await session.execute(insert(FoundMail).values(values).on_conflict_do_nothing())


async def next_waiting(session: AsyncSession, user_id: str, account_id: str) -> FoundMail | None:
    """The oldest message still to be read: Gmail's ids grow with time."""
    query = (
        select(FoundMail)
        .where(
            FoundMail.user_id == user_id,
            FoundMail.account_id == account_id,
            FoundMail.state == "waiting",
        )
        .order_by(FoundMail.message_id)
        .limit(1)
    )
    return (await session.scalars(query)).one_or_none()


async def settle(session: AsyncSession, mail: FoundMail, state: str, note: str = "") -> None:
    """What became of a message."""
    values = {"state": state, "note": note or None}
    await session.execute(update(FoundMail).where(*_named(mail)).values(**values))


async def count_try(session: AsyncSession, mail: FoundMail, by: int) -> int:
    """Counted before a message is read, so that one that kills its reader is not read for ever."""
    statement = update(FoundMail).where(*_named(mail)).values(tries=FoundMail.tries + by)
    return int((await session.execute(statement.returning(FoundMail.tries))).scalar_one())


_CLAIM_LOOK = text(
    """
    INSERT INTO mailboxes (user_id, account_id, looking_since) VALUES (:user_id, :account_id, :now)
    ON CONFLICT (user_id) DO UPDATE SET looking_since = :now
     WHERE mailboxes.looking_since IS NULL OR mailboxes.looking_since < :stale
    RETURNING user_id
    """
)


async def claim_look(
    session: AsyncSession, user_id: str, account_id: str, *, now: datetime, stale: datetime
) -> bool:
    """Whether nobody is looking through the mailbox; from now on somebody is."""
    values = {"user_id": user_id, "account_id": account_id, "now": now, "stale": stale}
    return (await session.execute(_CLAIM_LOOK, values)).first() is not None


def _named(mail: FoundMail) -> tuple[ColumnElement[bool], ...]:
    return (
        FoundMail.user_id == mail.user_id,
        FoundMail.account_id == mail.account_id,
        FoundMail.message_id == mail.message_id,
    )


async def progress(
    session: AsyncSession, user_id: str
) -> tuple[MailboxState | None, dict[str, int]]:
    """How far the mailbox is, and its messages by state."""
    row = await session.get(MailboxState, user_id)
    query = (
        select(FoundMail.state, func.count())
        .where(
            FoundMail.user_id == user_id,
            FoundMail.account_id == (row.account_id if row else ""),
        )
        .group_by(FoundMail.state)
    )
    counts = (await session.execute(query)).all()
    return row, {one[0]: one[1] for one in counts}
