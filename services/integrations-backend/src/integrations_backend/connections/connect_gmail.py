"""The return from Google: exchange the code once, see that mail may be read, connect; and the end of it."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from integrations_backend.connections import queries
from integrations_backend.connections.consents import Visitor, start_consent, take_consent
from integrations_backend.connections.errors import NotGranted, ScopeMissing
from integrations_backend.connections.keep_account import OpenedAccount, keep_account
from integrations_backend.connections.state import set_status
from integrations_backend.gmail_api.errors import (
    GmailUnavailable,
    MailDenied,
    MailRequestRefused,
    NotThere,
    OverQuota,
    TokenRefused,
)
from integrations_backend.gmail_api.gateway import READ_SCOPE, Gmail, MailGrant, Profile
from integrations_backend.grants import GrantRefused, ProviderUnavailable
from integrations_backend.vault.tokens import TokenVault
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import StagedJob, stage
from opside_contracts.integrations.messages import ConnectionStatus, Provider, SellerConsent

READ_MAILBOX = "read_mailbox"
REVOKE_MAIL_GRANT = "revoke_mail_grant"
REVOKE_AGAIN_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class MailConsents:
    """What connecting and disconnecting a mailbox needs; `tokens` are those of Gmail."""

    sessions: Sessions
    gmail: Gmail
    tokens: TokenVault
    clock: Clock

    async def start(self, visitor: Visitor) -> SellerConsent:
        """Google's page, good once, for this user in this browser."""
        return await start_consent(
            self.sessions, Provider.GMAIL, self.gmail.consent_url, visitor=visitor, clock=self.clock
        )

    async def connect(self, visitor: Visitor, *, state: str, code: str) -> None:
        """One transaction stores tokens, connection, the event and the first look at the mailbox.

        Raises:
            ConsentRefused: unknown, used or expired state, other user or other browser.
            NotGranted: Google does not accept the code, or does not answer.
            ScopeMissing: the person did not let us read mail.
            AccountTaken: the mailbox belongs to another user.
        """
        await take_consent(self.sessions, Provider.GMAIL, state, visitor=visitor, clock=self.clock)
        granted, profile = await self._exchange(code, state)
        user_id, payload = visitor.user_id, {"account": profile.email}
        opened = OpenedAccount(
            profile.email,
            granted.grant,
            lambda session, once: stage(
                session,
                READ_MAILBOX,
                payload,
                tenant=user_id,
                dedupe_key=f"{READ_MAILBOX}:{once}",
            ),
        )
        await keep_account(self.sessions, self.tokens, self.clock, user_id=user_id, opened=opened)

    async def _exchange(self, code: str, state: str) -> tuple[MailGrant, Profile]:
        try:
            granted = await self.gmail.exchange(code, state=state)
            if READ_SCOPE not in granted.scopes:
                raise ScopeMissing("Google was not told that we may read your mail: tick that box")
            return granted, await self.gmail.profile(granted.grant.access_token)
        except (GrantRefused, TokenRefused, NotThere, MailRequestRefused) as error:
            raise NotGranted("Google did not grant access; start again") from error
        except MailDenied as error:
            raise NotGranted(f"Google does not let us read this mailbox: {error.reason}") from error
        except (GmailUnavailable, OverQuota) as error:
            raise NotGranted("Google does not answer; start again in a minute") from error

    async def disconnect(self, user_id: str) -> None:
        """Revoke at Google, then delete; should Google be away, a job goes on with it."""
        async with transaction(self.sessions, tenant=user_id) as session:
            connection = await queries.of_user(session, user_id, Provider.GMAIL, lock=True)
            if connection is None or connection.status == ConnectionStatus.NOT_CONNECTED.value:
                return
            now = self.clock()
            await set_status(session, connection, ConnectionStatus.NOT_CONNECTED, now=now)
            due = now + REVOKE_AGAIN_AFTER
            await stage(session, REVOKE_MAIL_GRANT, {}, tenant=user_id, due_at=due)
        with suppress(ProviderUnavailable):
            await self._revoke(user_id)

    async def revoke_later(self, job: StagedJob) -> None:
        """The job of a revocation that Google may not have heard; a mailbox connected anew stays so."""
        user_id = job.tenant or ""
        async with transaction(self.sessions, tenant=user_id) as session:
            connection = await queries.of_user(session, user_id, Provider.GMAIL)
        if connection is None or connection.status == ConnectionStatus.NOT_CONNECTED.value:
            await self._revoke(user_id)

    async def _revoke(self, user_id: str) -> None:
        try:
            await self.gmail.revoke(await self.tokens.refresh_token(user_id))
        except GrantRefused:
            return
        async with transaction(self.sessions, tenant=user_id) as session:
            connection = await queries.of_user(session, user_id, Provider.GMAIL, lock=True)
            if connection is None or connection.status == ConnectionStatus.NOT_CONNECTED.value:
                await self.tokens.forget(session, user_id=user_id)
