"""E-mail over SMTP, or as files in a folder on a developer's machine."""

import asyncio
import smtplib
import ssl
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urlsplit

from main_api.mail_api.errors import AddressRefused, MailUnavailable
from main_api.mail_api.gateway import Letter, Mailer
from opside_chassis.settings import WrongSetting

TIMEOUT_SECONDS = 20.0
PERMANENT = 500
"""SMTP replies from here on will not change."""
_THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})
_SUBMISSION_PORT, _TLS_PORT = 587, 465


def open_mailer(url: str, *, sender: str) -> Mailer | None:
    """The mailer of a MAIL_URL; None for an empty one: nothing is sent by e-mail.

    Raises:
        WrongSetting: no address of a mail server, or a folder that cannot be written.
    """
    if not url:
        return None
    scheme = urlsplit(url).scheme
    if scheme == "file":
        return FileMailer.open(url, sender=sender)
    if scheme not in {"smtp", "smtps"} or not urlsplit(url).hostname:
        raise WrongSetting(
            "MAIL_URL", "is no address of a mail server", "write smtps://user:password@host:465"
        )
    return SmtpMailer.of(url, sender=sender)


def message_of(letter: Letter, *, sender: str) -> EmailMessage:
    """As it goes over the wire; headers of others cannot break out of their line.

    Raises:
        AddressRefused: the recipient's address is none.
    """
    message = EmailMessage(policy=SMTP)
    try:
        message["To"] = Address(addr_spec=letter.to)
    except (MessageError, ValueError, IndexError) as error:
        raise AddressRefused("the seller's e-mail address is not one") from error
    message["From"] = sender
    message["Subject"] = " ".join(letter.subject.split())
    message["Date"] = formatdate(usegmt=True)
    message["Message-ID"] = f"<{letter.letter_id}@{sender.rpartition('@')[2].rstrip('>')}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    return message


@dataclass(frozen=True, slots=True)
class SmtpMailer:
    """One connection a letter: letters are few, and a server that is restarted loses none."""

    host: str
    port: int
    tls_from_start: bool
    upgrade: bool
    """STARTTLS, without which nothing is sent; off only for a server on this machine."""
    user: str
    password: str
    sender: str

    @classmethod
    def of(cls, url: str, *, sender: str) -> "SmtpMailer":
        """From `smtp://` (STARTTLS) or `smtps://` (TLS from the start)."""
        parts = urlsplit(url)
        at_once = parts.scheme == "smtps"
        return cls(
            host=parts.hostname or "",
            port=parts.port or (_TLS_PORT if at_once else _SUBMISSION_PORT),
            tls_from_start=at_once,
            upgrade=not at_once and parts.hostname not in _THIS_MACHINE,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            sender=sender,
        )

    async def send(self, letter: Letter) -> None:
        """Hand the letter over; see `Mailer.send`."""
        message = message_of(letter, sender=self.sender)
        await asyncio.to_thread(self._send, message)

    def _send(self, message: EmailMessage) -> None:
        try:
            with self._connected() as server:
                if self.user:
                    server.login(self.user, self.password)
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            replies = [code for code, _text in error.recipients.values()]
            if all(code >= PERMANENT for code in replies):
                raise AddressRefused("the mail server refuses this address") from error
            raise MailUnavailable("the mail server does not take this address now") from error
        except (OSError, smtplib.SMTPException) as error:
            # Its text may hold what we sent; the kind of failure is enough.
            raise MailUnavailable(f"the mail server: {type(error).__name__}") from error

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.tls_from_start:
            return smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT_SECONDS, context=context)
        server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_SECONDS)
        if self.upgrade:
            server.starttls(context=context)
        return server


@dataclass(frozen=True, slots=True)
class FileMailer:
    """Each letter as a file that a mail program opens; one sent again is the same file."""

    folder: Path
    sender: str

    @classmethod
    def open(cls, url: str, *, sender: str) -> "FileMailer":
        """Raises `WrongSetting` when the folder cannot be written."""
        folder = Path(urlsplit(url).path)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WrongSetting(
                "MAIL_URL", f"{folder} cannot be written", "name a folder that this user owns"
            ) from error
        return cls(folder, sender)

    async def send(self, letter: Letter) -> None:
        """Write the file."""
        message = message_of(letter, sender=self.sender)
        name = sha256(letter.letter_id.encode()).hexdigest()[:24]
        await asyncio.to_thread((self.folder / f"{name}.eml").write_bytes, bytes(message))
