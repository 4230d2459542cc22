"""Read found messages, oldest first: download what may be a paper, and hand it on."""

import asyncio
import tempfile
from pathlib import Path

from integrations_backend.gmail_api.errors import AttachmentTooLarge, NotThere, OverQuota
from integrations_backend.gmail_api.gateway import Mail, MailFile
from integrations_backend.grants import ProviderUnavailable
from integrations_backend.invoices.errors import ReaderBusy
from integrations_backend.invoices.keep import Origin, Papers
from integrations_backend.invoices.reading import Came
from integrations_backend.mail.desk import Desk
from integrations_backend.mail.models import FoundMail
from integrations_backend.mail.rules import (
    LARGEST_FILE_BYTES,
    PASSED_OVER,
    READ_UNITS,
    is_candidate,
)
from opside_chassis.outbox import RetryLater

MOST_TRIES = 3
"""A message that killed its reader so often is left alone, with a note."""
BUSY_SECONDS = 15.0
WORK_SECONDS = 3.0
"""After that no further message is begun: one download and one PDF fit into what is left of a job."""


async def read_mails(desk: Desk, papers: Papers) -> tuple[bool, bool]:
    """Answers whether all are read, and whether there are new costs to book."""
    loop = asyncio.get_running_loop()
    end = loop.time() + WORK_SECONDS
    to_book = False
    while (mail := await desk.next_mail()) is not None:
        if loop.time() > end:
            return False, to_book
        if await desk.count_try(mail, 1) > MOST_TRIES:
            await desk.settle(mail, "failed", "it could not be read")
            continue
        try:
            to_book |= await _read(desk, papers, mail)
        except (OverQuota, ProviderUnavailable):
            await desk.count_try(mail, -1)  # Google's fault, not the message's
            raise
        except ReaderBusy as busy:
            raise RetryLater(BUSY_SECONDS, "this machine has no time to read a PDF") from busy
    return True, to_book


async def _read(desk: Desk, papers: Papers, found: FoundMail) -> bool:
    try:
        mail = await desk.ask(
            READ_UNITS, lambda gmail, token: gmail.message(token, found.message_id)
        )
        booked = [
            await _keep(desk, papers, mail, file)
            for file in ([] if PASSED_OVER & mail.labels else mail.files)
            if is_candidate(file.filename, file.mime_type, file.size)
        ]
    except NotThere:
        await desk.settle(found, "gone")
        return False
    await desk.settle(found, "read")
    return any(booked)


async def _keep(desk: Desk, papers: Papers, mail: Mail, file: MailFile) -> bool:
    with tempfile.TemporaryDirectory(prefix="opside-mail-") as folder:
        content = Path(folder) / "paper"
        try:
            await desk.ask(
                READ_UNITS,
                lambda gmail, token: gmail.download(
                    token, mail.id, file, content, most_bytes=LARGEST_FILE_BYTES
                ),
            )
        except AttachmentTooLarge:
            return False
        came = Came(
            filename=file.filename,
            sender=mail.sender,
            subject=mail.subject,
            received=mail.at.date(),
        )
        origin = Origin(
            user_id=desk.user_id,
            account_id=desk.account,
            message_id=mail.id,
            part_id=file.part_id,
            received_at=mail.at,
            came=came,
        )
        return await papers.keep(content, origin)
