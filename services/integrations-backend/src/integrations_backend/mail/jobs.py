"""The mailbox jobs of the worker."""

from collections.abc import Mapping

from integrations_backend.connections.connect_gmail import REVOKE_MAIL_GRANT, MailConsents
from integrations_backend.runtime import Runtime
from opside_chassis.jobs import Handler
from opside_contracts.integrations.messages import Provider


def mail_handlers(runtime: Runtime) -> Mapping[str, Handler]:
    """None where this installation reads no mail: nothing stages such jobs there."""
    if runtime.gmail is None:
        return {}
    tokens = runtime.tokens.of(Provider.GMAIL)
    sessions, clock = runtime.database.sessions, runtime.clock
    consents = MailConsents(sessions, runtime.gmail, tokens, clock)
    return {REVOKE_MAIL_GRANT: consents.revoke_later}
