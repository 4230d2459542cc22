"""Attachment ids: another one at every reading, good for one part of one message."""

import hashlib

from opside_sandbox.gmail.errors import invalid
from opside_sandbox.gmail.mailbox.message import Mail, Part
from opside_sandbox.state import SandboxState

_PREFIX, _NONCE = "ANGjdJ", 12


def issue(state: SandboxState, mail: Mail, part: Part) -> str:
    """A fresh id of this part."""
    nonce = state.token("attachment", _NONCE)
    return f"{_PREFIX}{nonce}{_seal(state, mail, part, nonce)}"


def opened(state: SandboxState, mail: Mail, attachment_id: str) -> Part:
    """The part behind an id of this message, however old. Raises ApiError."""
    nonce = attachment_id[len(_PREFIX) : len(_PREFIX) + _NONCE]
    for part in mail.root.walk():
        if part.filename and attachment_id == f"{_PREFIX}{nonce}{_seal(state, mail, part, nonce)}":
            return part
    raise invalid("Invalid attachment token")


def _seal(state: SandboxState, mail: Mail, part: Part, nonce: str) -> str:
    told = f"{state.seed}/{mail.id}/{part.part_id}/{nonce}"
    return hashlib.shake_256(told.encode()).hexdigest(64)
