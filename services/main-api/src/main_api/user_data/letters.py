"""Letters about an ordered erasure: nobody's account goes without a word to its address.

They are no notices: no preference switches them off, and they wait for no other news. Whoever orders is
signed in, which a thief with somebody's session is too.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from main_api.accounts.profile import address_of
from main_api.mail_api.errors import AddressRefused
from main_api.mail_api.gateway import Letter, Mailer
from main_api.user_data import queries
from main_api.user_data.letter_words import Words, kept, ordered
from main_api.user_data.models import AccountErasure, ErasureState
from main_api.user_data.own_erasure import erasure_of_job
from opside_chassis.clock import Clock
from opside_chassis.database import Sessions, transaction
from opside_chassis.outbox import StagedJob


@dataclass(frozen=True, slots=True)
class ErasureLetters:
    """Sends each at least once. Without a mail server nothing is sent, and nothing waits for it."""

    sessions: Sessions
    mailer: Mailer | None
    app_url: str
    clock: Clock

    async def run(self, job: StagedJob) -> None:
        """The job of a letter, staged with the order or its cancellation.

        Raises:
            MailUnavailable: tried again.
        """
        erasure = await erasure_of_job(self.sessions, str(job.payload["erasureId"]))
        if erasure.state == ErasureState.CANCELLED.value:
            await self._send(erasure, kept)
        else:
            await self.tell_ordered(erasure)

    async def tell_ordered(self, erasure: AccountErasure) -> None:
        """Tell the user what was ordered, unless he was told.

        Raises:
            MailUnavailable: he was not told yet.
        """
        if erasure.told_at is not None or not await self._send(erasure, ordered):
            return
        async with transaction(self.sessions, tenant=erasure.user_id) as session:
            row = await queries.erasure_by_id(session, erasure.id, lock=True)
            row.told_at = row.told_at or self.clock()

    async def _send(self, erasure: AccountErasure, words: Callable[..., Words]) -> bool:
        if self.mailer is None:
            return False
        async with transaction(self.sessions, tenant=erasure.user_id) as session:
            address = await address_of(session, erasure.user_id)
        if address is None:
            return False
        said = words(erasure, app_url=self.app_url)
        letter = Letter(f"{erasure.id}-{words.__name__}", address, said.subject, said.text)
        with suppress(AddressRefused):  # it will never take a letter: nothing to wait for
            await self.mailer.send(letter)
        return True
