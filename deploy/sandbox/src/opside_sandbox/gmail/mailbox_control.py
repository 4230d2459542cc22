"""What a test may do to a mailbox: letters arrive, labels change, letters go, history is lost."""

import base64
import binascii
from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from opside_sandbox.gmail.mailbox import box, changes
from opside_sandbox.gmail.mailbox.message import Mail
from opside_sandbox.gmail.mailbox.truth import truth_of
from opside_sandbox.gmail.papers.compose import Attachment, Letter, written
from opside_sandbox.gmail.people import named
from opside_sandbox.state import SandboxState

_ONE_LINE = r"^[^\r\n]*$"


class SentFile(BaseModel):
    """A file; `content` is base64."""

    filename: str = Field(pattern=_ONE_LINE)
    mime_type: str = Field(default="application/pdf", pattern=r"^[\w.+-]+/[\w.+-]+$")
    content: str


class SentLetter(BaseModel):
    """A letter to a persona. `raw` (base64 of RFC 5322 bytes) takes the place of all the rest."""

    persona: str
    sender: str = Field(default="sender@example.net", pattern=r"^[!-~]+@[!-~]+$")
    sender_name: str = Field(default="", pattern=_ONE_LINE)
    subject: str = Field(default="", pattern=_ONE_LINE)
    text: str = ""
    html: str = ""
    attachments: list[SentFile] = Field(default_factory=list)
    labels: list[str] = Field(default_factory=lambda: ["INBOX", "UNREAD"])
    thread_id: str = ""
    raw: str | None = None


class Relabelling(BaseModel):
    """Label ids to put on and to take off."""

    persona: str
    id: str
    add: list[str] = Field(default_factory=list)
    remove: list[str] = Field(default_factory=list)


class Which(BaseModel):
    """A message of a persona."""

    persona: str
    id: str


class Forgetting(BaseModel):
    """Whose history is lost."""

    persona: str


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise HTTPException(422, "content and raw are base64") from None


def _bytes(state: SandboxState, sent: SentLetter) -> bytes:
    if sent.raw is not None:
        return _decoded(sent.raw)
    person = named(state, sent.persona)
    files = (
        Attachment(one.filename, one.mime_type, _decoded(one.content)) for one in sent.attachments
    )
    return written(
        Letter(
            sender=(sent.sender_name, sent.sender),
            to=(person.name, person.email),
            at=state.clock.now(),
            subject=sent.subject,
            text=sent.text,
            html=sent.html,
            attachments=tuple(files),
        )
    )


def _known(state: SandboxState, key: str, mail_id: str) -> Mail:
    found = box.find(state, named(state, key).key, mail_id)
    if found is None:
        raise HTTPException(404, f"{key} has no message {mail_id}")
    return found


def mailbox_router(state: SandboxState) -> APIRouter:
    """Mounted under /control/gmail."""
    router = APIRouter()

    def shown(mail: Mail) -> dict[str, Any]:
        return {"id": mail.id, "threadId": mail.thread_id, "historyId": str(mail.history_id)}

    @router.get("/truth/{key}")
    async def truth(key: str) -> dict[str, Any]:
        return truth_of(state, named(state, key).key)

    @router.post("/deliver")
    async def deliver(body: SentLetter) -> dict[str, Any]:
        key = named(state, body.persona).key
        return shown(box.receive(state, key, _bytes(state, body), body.labels, body.thread_id))

    @router.post("/labels")
    async def labels(body: Relabelling) -> dict[str, Any]:
        mail = _known(state, body.persona, body.id)
        return shown(box.relabel(state, body.persona, mail, set(body.add), set(body.remove)))

    @router.post("/delete")
    async def delete(body: Which) -> dict[str, bool]:
        box.delete(state, body.persona, _known(state, body.persona, body.id))
        return {"deleted": True}

    @router.post("/history/forget")
    async def forget(body: Forgetting) -> dict[str, str]:
        return {"floor": str(changes.forget(state, named(state, body.persona).key))}

    return router
