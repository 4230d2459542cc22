"""The mailbox jobs of the worker."""

from collections.abc import Mapping

from integrations_backend.connections.connect_gmail import (
    READ_MAILBOX,
    REVOKE_MAIL_GRANT,
    MailConsents,
)
from integrations_backend.connections.provider_access import MailAccess
from integrations_backend.mail.search import MailSearch
from integrations_backend.runtime import Runtime
from integrations_backend.settings import Settings
from opside_chassis.jobs import Handler, Schedule
from opside_contracts.integrations.messages import Provider

READ_MAILBOXES = "read_connected_mailboxes"


def mail_handlers(runtime: Runtime) -> Mapping[str, Handler]:
    """None where this installation reads no mail: nothing stages such jobs there."""
    if runtime.gmail is None:
        return {}
    tokens = runtime.tokens.of(Provider.GMAIL)
    sessions, clock = runtime.database.sessions, runtime.clock
    consents = MailConsents(sessions, runtime.gmail, tokens, clock)
    search = MailSearch(MailAccess(sessions, runtime.gmail, tokens, clock), runtime.archive)
    return {
        REVOKE_MAIL_GRANT: consents.revoke_later,
        READ_MAILBOX: search.look,
        READ_MAILBOXES: search.stage_looks,
    }


def mail_schedules(settings: Settings) -> tuple[Schedule, ...]:
    """Every connected mailbox is looked at for new papers."""
    if not settings.reads_mail:
        return ()
    return (Schedule(READ_MAILBOXES, settings.gmail_sync_interval_seconds),)
