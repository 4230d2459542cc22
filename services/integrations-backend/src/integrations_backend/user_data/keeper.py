"""This service's side of export and erasure."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from integrations_backend.connections.connect_gmail import REVOKE_MAIL_GRANT, MailConsents
from integrations_backend.connections.connect_stripe import DEAUTHORIZE_STRIPE, StripeConsents
from integrations_backend.connections.disconnect import disconnect, list_connections
from integrations_backend.events import PUBLISH_EVENT
from integrations_backend.human_cases import open_case
from integrations_backend.runtime import Runtime
from integrations_backend.user_data.declared import USER_TABLES
from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import Conflict, NotFound
from opside_chassis.user_data import FileShown, UserTable, erase_rows
from opside_contracts.integrations.messages import ConnectionStatus, Provider

_NEWS = {PUBLISH_EVENT: "news about your reimbursements is still on its way to your account"}
"""Jobs that must be done before their rows go, and what a seller is told of each: money depends on it."""
_REVOCATIONS = {
    DEAUTHORIZE_STRIPE: "Stripe has not confirmed yet that our access ended",
    REVOKE_MAIL_GRANT: "Google has not confirmed yet that our access ended",
}
"""Jobs that are waited for while they are tried: twelve times in seven hours (`outbox`). One that was
given up holds nobody's erasure: our keys are destroyed all the same, and a case says so."""
GRANT_NOT_REVOKED = "grant_not_revoked"


class NotErasableYet(Conflict):
    """Something that concerns others must be finished first."""

    code = "not_erasable_yet"


@dataclass(frozen=True, slots=True)
class IntegrationsKeeper:
    """Implements `opside_chassis.user_data.Keeper`."""

    parts: Runtime
    tables: Sequence[UserTable] = USER_TABLES
    reading_role: str | None = None

    @property
    def sessions(self) -> Sessions:
        """Of this service's database."""
        return self.parts.database.sessions

    async def files(self, user_id: str) -> Sequence[FileShown]:
        """Reports and papers as they were received."""
        found = await asyncio.to_thread(self.parts.archive.files_of, user_id)
        return [FileShown(key=key, size_bytes=size) for key, size in found]

    async def open_file(self, user_id: str, key: str) -> AsyncIterator[bytes]:
        """One of these; raises `NotFound`."""
        if key not in {one.key for one in await self.files(user_id)}:
            raise NotFound("there is no such document")
        return self.parts.archive.parts_of(key)

    async def held(self, user_id: str) -> list[str]:
        """What must be done first; parked news counts, since a person is asked about it."""
        query = text(
            "SELECT DISTINCT kind FROM outbox WHERE tenant = :user_id AND status <> 'done'"
            " AND (kind = ANY(:news) OR kind = ANY(:revocations) AND status <> 'parked')"
            " ORDER BY kind"
        )
        kinds = {"news": [*_NEWS], "revocations": [*_REVOCATIONS]}
        async with transaction(self.sessions, tenant=user_id) as session:
            found = await session.execute(query, {"user_id": user_id, **kinds})
            return [(_NEWS | _REVOCATIONS)[row.kind] for row in found]

    async def erase(self, user_id: str) -> None:
        """Revoke every connection; once that is done at the providers, or given up, forget everything.

        Raises:
            NotErasableYet: a provider or main-api has not been told yet.
        """
        await self._disconnect(user_id)
        if reasons := await self.held(user_id):
            raise NotErasableYet("; ".join(reasons))
        async with transaction(self.sessions, tenant=user_id) as session:
            await _tell_unrevoked(session, user_id)
            await erase_rows(session, USER_TABLES, user_id)
        await asyncio.to_thread(self.parts.archive.forget, user_id)

    async def _disconnect(self, user_id: str) -> None:
        parts = self.parts
        for one in await list_connections(self.sessions, user_id=user_id):
            if one.status is ConnectionStatus.NOT_CONNECTED:
                continue
            tokens = parts.tokens.of(one.provider)
            if one.provider is Provider.GMAIL and parts.gmail is not None:
                consents = MailConsents(self.sessions, parts.gmail, tokens, parts.clock)
                await consents.disconnect(user_id)
            elif one.provider is Provider.STRIPE and parts.stripe is not None:
                links = StripeConsents(self.sessions, parts.stripe, tokens, parts.clock)
                await links.disconnect(user_id)
            else:
                # Amazon has no call for it; a provider that is switched off here has no client.
                await disconnect(self.sessions, tokens, user_id=user_id, clock=parts.clock)


async def _tell_unrevoked(session: AsyncSession, user_id: str) -> None:
    """Nothing in the case names the seller, but for the account that Stripe needs to end our access."""
    query = text(
        "SELECT id, kind, payload->>'accountId' AS account, failures, created_at, last_error"
        " FROM outbox WHERE tenant = :user_id AND status = 'parked' AND kind = ANY(:kinds)"
    )
    for job in await session.execute(query, {"user_id": user_id, "kinds": [*_REVOCATIONS]}):
        reason = (
            f"a seller was erased, and our keys to his account are destroyed; but"
            f" {_REVOCATIONS[job.kind].replace(' yet', '')}, asked since {job.created_at:%Y-%m-%d}"
            f" ({job.last_error or 'no answer'}); account: {job.account or 'not kept'}"
        )
        await open_case(session, kind=GRANT_NOT_REVOKED, reference=job.id, reason=reason)
