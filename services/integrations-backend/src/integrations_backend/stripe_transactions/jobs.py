"""The Stripe jobs of the worker."""

from collections.abc import Mapping, Sequence

from integrations_backend.connections.access import connected_users
from integrations_backend.connections.connect_stripe import (
    DEAUTHORIZE_STRIPE,
    PULL_STRIPE,
    StripeConsents,
)
from integrations_backend.connections.provider_access import StripeAccess
from integrations_backend.runtime import Runtime
from integrations_backend.stripe_transactions.pull import Puller
from integrations_backend.stripe_transactions.record import pull_job
from opside_chassis.database import EVERY_TENANT, transaction
from opside_chassis.jobs import Handler, Schedule
from opside_chassis.outbox import StagedJob, stage
from opside_contracts.integrations.messages import Provider

PULL_EVERYBODY = "pull_stripe_of_everybody"


def puller_of(runtime: Runtime) -> Puller | None:
    """None where this installation links no Stripe accounts."""
    if runtime.stripe is None:
        return None
    tokens = runtime.tokens.of(Provider.STRIPE)
    return Puller(StripeAccess(runtime.database.sessions, runtime.stripe, tokens, runtime.clock))


def stripe_handlers(runtime: Runtime) -> Mapping[str, Handler]:
    """None where this installation links no Stripe accounts: nothing stages such jobs there."""
    puller = puller_of(runtime)
    if puller is None:
        return {}
    sessions, access = runtime.database.sessions, puller.access
    consents = StripeConsents(sessions, access.client, access.tokens, runtime.clock)

    async def pull_everybody(_job: StagedJob) -> None:
        users = await connected_users(sessions, Provider.STRIPE)
        async with transaction(sessions, tenant=EVERY_TENANT) as session:
            for user_id in users:
                await stage(session, PULL_STRIPE, {}, tenant=user_id)

    return {
        PULL_STRIPE: lambda job: pull_job(puller, job),
        PULL_EVERYBODY: pull_everybody,
        DEAUTHORIZE_STRIPE: consents.deauthorize,
    }


def stripe_schedules(runtime: Runtime) -> Sequence[Schedule]:
    """Every half hour, where Stripe accounts are linked."""
    if runtime.stripe is None:
        return ()
    return (Schedule(PULL_EVERYBODY, runtime.settings.stripe_sync_interval_seconds),)
