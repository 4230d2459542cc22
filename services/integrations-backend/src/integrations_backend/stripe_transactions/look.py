"""A seller's look at his Stripe account: its transactions as recorded, itself as Stripe shows it."""

from datetime import datetime

from integrations_backend.connections.provider_access import StripeAccess
from integrations_backend.grants import ProviderUnavailable
from integrations_backend.stripe_oauth_api.errors import RequestRefused, Throttled
from integrations_backend.stripe_transactions import queries
from integrations_backend.stripe_transactions.errors import NoSuchTransaction, StripeAway
from integrations_backend.stripe_transactions.schemas import AccountView, TransactionView
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_chassis.pagination import Page, PageQuery, cursor_moment, decode_cursor, encode_cursor


async def list_transactions(
    sessions: Sessions, *, user_id: str, page: PageQuery, case_id: str | None, clock: Clock
) -> Page[TransactionView]:
    """One page of movements, newest first; of one case only, if it is named."""
    async with transaction(sessions, tenant=user_id) as session:
        rows = await queries.page(
            session, user_id=user_id, before=_place(page), limit=page.limit, case_id=case_id
        )
    shown, now = rows[: page.limit], clock()
    last = shown[-1] if len(rows) > page.limit else None
    return Page[TransactionView](
        items=[TransactionView.of(row, now=now) for row in shown],
        next_cursor=encode_cursor(last.occurred_at.isoformat(), last.transaction_id)
        if last
        else None,
    )


async def read_transaction(
    sessions: Sessions, *, user_id: str, transaction_id: str, clock: Clock
) -> TransactionView:
    """One movement.

    Raises:
        NoSuchTransaction: unknown, or of somebody else.
    """
    async with transaction(sessions, tenant=user_id) as session:
        row = await queries.one(session, user_id=user_id, transaction_id=transaction_id)
    if row is None:
        raise NoSuchTransaction("there is no such transaction")
    return TransactionView.of(row, now=clock())


async def read_account(access: StripeAccess, *, user_id: str) -> AccountView:
    """The linked account.

    Raises:
        NotConnectedYet, Reconnect: there is no access.
        StripeAway: Stripe does not answer.
    """
    await access.account(user_id)
    try:
        account = await access.call(user_id, access.client.account)
    except (ProviderUnavailable, RequestRefused, Throttled) as error:
        raise StripeAway("Stripe does not answer; try again in a minute") from error
    async with transaction(access.sessions, tenant=user_id) as session:
        pull = await queries.pull_of(session, user_id)
        kept = await queries.count(session, user_id)
    return AccountView.of(account, pull, kept)


def _place(page: PageQuery) -> tuple[datetime, str] | None:
    if page.cursor is None:
        return None
    moment, transaction_id = decode_cursor(page.cursor, parts=2)
    return cursor_moment(moment), transaction_id
