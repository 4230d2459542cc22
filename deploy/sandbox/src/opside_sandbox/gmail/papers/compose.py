"""Writing a message's bytes: the same letter always gives the same bytes."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in a letter."""

    filename: str
    mime_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """What somebody writes. Senders and receivers are (name, address)."""

    sender: tuple[str, str]
    to: tuple[str, str]
    at: datetime
    subject: str
    text: str
    html: str = ""
    attachments: tuple[Attachment, ...] = ()
    answers: str = ""
    """The Message-ID that this letter answers."""
    headers: dict[str, str] = field(default_factory=dict)


def message_id(letter: Letter) -> str:
    """The Message-ID: it follows from what is written, so that no two letters share one."""
    files = "".join(one.filename for one in letter.attachments)
    told = "|".join(
        (letter.sender[1], letter.to[1], letter.at.isoformat(), letter.subject, letter.text, files)
    )
    digest = hashlib.sha256(told.encode()).hexdigest()
    return f"<{digest[:24]}@{letter.sender[1].partition('@')[2]}>"


def written(letter: Letter) -> bytes:
    """RFC 5322 bytes."""
    message, number = EmailMessage(policy=SMTP), message_id(letter)
    message["Date"] = format_datetime(letter.at)
    message["From"] = formataddr(letter.sender)
    message["To"] = formataddr(letter.to)
    message["Subject"] = letter.subject
    message["Message-ID"] = number
    if letter.answers:
        message["In-Reply-To"] = letter.answers
        message["References"] = letter.answers
    for name, value in letter.headers.items():
        message[name] = value
    message.set_content(letter.text, cte="quoted-printable")
    if letter.html:
        message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    for one in letter.attachments:
        main, _, sub = one.mime_type.partition("/")
        message.add_attachment(one.content, maintype=main, subtype=sub, filename=one.filename)
    boxes = [part for part in message.walk() if part.get_content_maintype() == "multipart"]
    for place, part in enumerate(boxes):
        part.set_boundary(f"=_{number[1:17]}_{place}")
    return message.as_bytes()
