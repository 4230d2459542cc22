"""The worker of integrations-backend: syncs, onboards, publishes."""

from collections.abc import Mapping

from integrations_backend.connections.connect import FIRST_SYNC, ONBOARD_STRIPE
from integrations_backend.events import PUBLISH_EVENT
from integrations_backend.human_cases import open_case_for_job
from integrations_backend.mail.jobs import mail_handlers, mail_schedules
from integrations_backend.onboarding.again import LOOK_SECONDS, ONBOARD_AGAIN, onboard_again
from integrations_backend.onboarding.onboard import onboard_stripe
from integrations_backend.reports.upload import DETECT_UPLOAD
from integrations_backend.runtime import SCHEMA, SERVICE, Runtime, open_runtime
from integrations_backend.settings import Settings
from integrations_backend.stripe_transactions.jobs import (
    puller_of,
    stripe_handlers,
    stripe_schedules,
)
from integrations_backend.sync.advance import Pipeline
from integrations_backend.sync.detect_upload import UploadDetection
from integrations_backend.sync.everybody import SYNC_EVERYBODY, Everybody, start_if_connected
from integrations_backend.sync.fetch import Fetcher
from integrations_backend.sync.progress_hints import ProgressHints, open_hints
from integrations_backend.sync.start import ADVANCE_SYNC
from opside_chassis import process
from opside_chassis.jobs import Handler, Schedule, Workshop
from opside_chassis.outbox import StagedJob
from opside_chassis.relay import Relay, run_worker
from opside_contracts.events import EVENT


def handlers(runtime: Runtime, hints: ProgressHints) -> Mapping[str, Handler]:
    """A handler for every kind of job this service stages."""
    sessions, clock = runtime.database.sessions, runtime.clock
    fetcher = Fetcher(sessions, runtime.amazon, runtime.tokens, runtime.archive, clock)
    pipeline = Pipeline(sessions, fetcher, runtime.archive, puller_of(runtime))

    async def first_sync(job: StagedJob) -> None:
        await start_if_connected(sessions, clock, user_id=job.tenant or "", reason="connected")

    async def publish(job: StagedJob) -> None:
        await runtime.accounts.publish(EVENT.validate_python(dict(job.payload)))

    return {
        ADVANCE_SYNC: hints.after(pipeline.advance),
        FIRST_SYNC: first_sync,
        SYNC_EVERYBODY: Everybody(sessions, clock).start,
        ONBOARD_STRIPE: lambda job: onboard_stripe(sessions, runtime.payments, job, clock=clock),
        ONBOARD_AGAIN: lambda job: onboard_again(sessions, job, clock=clock),
        PUBLISH_EVENT: publish,
        DETECT_UPLOAD: UploadDetection(sessions, runtime.archive, clock).run,
        **mail_handlers(runtime),
        **stripe_handlers(runtime),
    }


def schedules(runtime: Runtime) -> tuple[Schedule, ...]:
    """What is done over and over, and how often."""
    return (
        Schedule(SYNC_EVERYBODY, runtime.settings.sync_interval_seconds),
        Schedule(ONBOARD_AGAIN, LOOK_SECONDS),
        *stripe_schedules(runtime),
        *mail_schedules(runtime.settings),
    )


async def work(settings: Settings) -> None:
    """Run jobs until told to stop."""
    async with open_runtime(settings) as runtime, open_hints(settings.redis_url) as hints:
        workshop = Workshop(
            runtime.database.sessions,
            handlers(runtime, hints),
            open_case_for_job,
            schedules(runtime),
        )
        await run_worker(
            Relay(
                service=SERVICE,
                schema=SCHEMA,
                database=runtime.database,
                redis_url=settings.redis_url,
                workshop=workshop,
            )
        )


def main() -> None:
    """Work until told to stop."""
    process.run_worker(SERVICE, Settings, work)


if __name__ == "__main__":
    main()
