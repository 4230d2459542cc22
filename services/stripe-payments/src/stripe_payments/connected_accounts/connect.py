"""Create or link a seller's Connect account, once."""

from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import BadRequest, NotFound
from opside_chassis.wire import AnswerModel
from opside_contracts.payments.messages import ConnectAccount as Request
from opside_contracts.payments.messages import ConnectedAccount
from stripe_payments.connected_accounts import queries
from stripe_payments.connected_accounts.models import ConnectAccount
from stripe_payments.roles import API
from stripe_payments.stripe_api.asking import with_next_key
from stripe_payments.stripe_api.gateway import Account, Stripe


class OnboardingPage(AnswerModel):
    """Stripe's page where a seller completes his account; good once, for minutes."""

    url: str
    expires_at: int
    """Seconds since 1970."""


async def connect_account(sessions: Sessions, stripe: Stripe, request: Request) -> ConnectedAccount:
    """A repeat answers the same account; with both addresses and a fresh page until it is completed.

    Raises:
        OutcomeUnknown: Stripe did not answer; asking again is safe.
    """
    user_id = request.user_id
    async with transaction(sessions, tenant=user_id, role=API) as session:
        row = await queries.ensure(session, user_id, request.country)
    created = row.account_id is None
    if row.account_id is None:
        country = row.country
        account = await with_next_key(
            lambda number: stripe.create_account(
                user_id=user_id, country=country, idempotency_key=f"u:{user_id}:acct:{number}"
            )
        )
    else:
        account = await stripe.account(row.account_id)
    await keep_account(sessions, user_id, account)
    if created and request.email:
        await stripe.set_account_email(account.id, request.email)
    seen = _view(user_id, account, created=created)
    if request.return_url is None or request.refresh_url is None or account.details_submitted:
        return seen
    link = await stripe.onboarding_link(
        account.id, return_url=request.return_url, refresh_url=request.refresh_url
    )
    return seen.model_copy(update={"onboarding_url": link.url})


async def keep_account(sessions: Sessions, user_id: str, account: Account) -> None:
    """Store an account as fetched."""
    async with transaction(sessions, tenant=user_id, role=API) as session:
        await queries.keep(session, user_id, account)


async def account_status(sessions: Sessions, *, user_id: str) -> ConnectedAccount:
    """The seller's account as last fetched.

    Raises:
        NotFound: he has none yet.
    """
    row = await _row(sessions, user_id)
    return ConnectedAccount(
        user_id=user_id,
        stripe_account_id=row.account_id or "",
        charges_enabled=row.charges_enabled,
        payouts_enabled=row.payouts_enabled,
        details_submitted=row.details_submitted,
        transfers_active=row.transfers_active,
        requirements_due=tuple(row.requirements_due.get("currently_due", ())),
    )


async def onboarding_page(
    sessions: Sessions, stripe: Stripe, *, user_id: str, app_url: str
) -> OnboardingPage:
    """A fresh link; old ones expire.

    Raises:
        NotFound: the seller has no account yet.
    """
    row = await _row(sessions, user_id)
    link = await stripe.onboarding_link(
        row.account_id or "",
        return_url=f"{app_url}/dashboard?onboarding=returned",
        refresh_url=f"{app_url}/dashboard?onboarding=again",
    )
    return OnboardingPage(url=link.url, expires_at=link.expires_at)


def refuse_foreign_urls(request: Request, *, app_url: str) -> None:
    """Return addresses must be ours: Stripe's page sends sellers there.

    Raises:
        BadRequest: another origin.
    """
    for url in (request.return_url, request.refresh_url):
        if url is not None and url != app_url and not url.startswith(f"{app_url}/"):
            raise BadRequest("returnUrl and refreshUrl must be pages of this application")


async def _row(sessions: Sessions, user_id: str) -> ConnectAccount:
    async with transaction(sessions, tenant=user_id, role=API) as session:
        row = await queries.of_user(session, user_id)
    if row is None or row.account_id is None:
        raise NotFound("this seller has no Stripe account yet")
    return row


def _view(user_id: str, account: Account, *, created: bool) -> ConnectedAccount:
    return ConnectedAccount(
        user_id=user_id,
        stripe_account_id=account.id,
        created=created,
        charges_enabled=account.charges_enabled,
        payouts_enabled=account.payouts_enabled,
        details_submitted=account.details_submitted,
        transfers_active=account.transfers_active,
        requirements_due=account.requirements_due,
    )
