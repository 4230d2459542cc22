"""What we need of a mail server."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Letter:
    """One plain-text e-mail. `letter_id` is the same when it is sent again, for readers that fold repeats."""

    letter_id: str
    to: str
    subject: str
    text: str


class Mailer(Protocol):
    """Sends letters, at least once."""

    async def send(self, letter: Letter) -> None:
        """Hand the letter over.

        Raises:
            AddressRefused: this address will never take mail from us.
            MailUnavailable: try again later.
        """
        ...
