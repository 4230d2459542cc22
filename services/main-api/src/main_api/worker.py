"""The worker of main-api: applies events and asks for commissions."""

from collections.abc import Mapping
from datetime import timedelta

from main_api.accounts.cases import open_case_for_job
from main_api.events.apply import APPLY_EVENT, apply_event
from main_api.evidence.book_cost import BOOK_COST, book_cost
from main_api.evidence.match import MATCH_EVIDENCE, match_evidence
from main_api.evidence.paper_parser import PaperParser
from main_api.evidence.read import read_document
from main_api.evidence.remove import REMOVE_EVIDENCE_FILE, remove_evidence_file
from main_api.evidence.upload import READ_EVIDENCE
from main_api.filings.file import TELL_CASE_FILED, tell_case_filed
from main_api.filings.watch_deadlines import (
    WATCH_EVERY_SECONDS,
    WATCH_EVERYBODY,
    WATCH_SELLER,
    watch_everybody,
    watch_seller,
)
from main_api.notifications.notify import SEND_LETTER, LetterTerms
from main_api.notifications.send_letter import send_letter
from main_api.recoveries.confirm import REQUEST_COMMISSION, FeeTerms
from main_api.recoveries.request_clawback import request_clawback
from main_api.recoveries.request_commission import request_commission
from main_api.recoveries.reverse import REQUEST_CLAWBACK
from main_api.runtime import SCHEMA, SERVICE, Runtime, open_runtime
from main_api.settings import Settings
from main_api.user_data.jobs import user_data_handlers
from main_api.user_data.own_exports import REMOVE_EVERY_SECONDS, REMOVE_OLD_EXPORTS
from opside_chassis import process
from opside_chassis.jobs import Handler, Schedule, Workshop
from opside_chassis.relay import Relay, run_worker


def handlers(runtime: Runtime) -> Mapping[str, Handler]:
    """A handler for every kind of job this service stages."""
    sessions = runtime.database.sessions
    payments = runtime.payments
    integrations, clock = runtime.integrations, runtime.clock
    return {
        APPLY_EVENT: lambda job: apply_event(
            sessions, job, terms=_terms(runtime), letters=_letters(runtime)
        ),
        SEND_LETTER: lambda job: send_letter(
            sessions, runtime.mailer, job, app_url=runtime.settings.app_url
        ),
        REQUEST_COMMISSION: lambda job: request_commission(sessions, payments, job),
        REQUEST_CLAWBACK: lambda job: request_clawback(sessions, payments, job),
        READ_EVIDENCE: lambda job: read_document(
            sessions, runtime.evidence, PaperParser(integrations), job
        ),
        BOOK_COST: lambda job: book_cost(sessions, integrations, job),
        MATCH_EVIDENCE: lambda job: match_evidence(sessions, integrations, job, clock=clock),
        TELL_CASE_FILED: lambda job: tell_case_filed(sessions, integrations, job, clock=clock),
        WATCH_EVERYBODY: lambda job: watch_everybody(sessions, job),
        WATCH_SELLER: lambda job: watch_seller(
            sessions, integrations, job, letters=_letters(runtime), clock=clock
        ),
        REMOVE_EVIDENCE_FILE: lambda job: remove_evidence_file(sessions, runtime.evidence, job),
        **user_data_handlers(runtime),
    }


def _terms(runtime: Runtime) -> FeeTerms:
    settings = runtime.settings
    review = timedelta(days=settings.commission_review_days)
    return FeeTerms(settings.collection_mode, review, runtime.clock())


def _letters(runtime: Runtime) -> LetterTerms:
    often = runtime.settings.mail_every_seconds if runtime.mailer else None
    return LetterTerms(often, runtime.clock())


async def work(settings: Settings) -> None:
    """Run jobs until told to stop."""
    async with open_runtime(settings) as runtime:
        workshop = Workshop(
            runtime.database.sessions,
            handlers(runtime),
            open_case_for_job,
            (
                Schedule(WATCH_EVERYBODY, WATCH_EVERY_SECONDS),
                Schedule(REMOVE_OLD_EXPORTS, REMOVE_EVERY_SECONDS),
            ),
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
