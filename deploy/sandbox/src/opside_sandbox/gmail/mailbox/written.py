"""The letters that the seed wrote, as messages."""

from opside_sandbox.gmail.mailbox.message import Mail
from opside_sandbox.state import SandboxState


def generated(_state: SandboxState, _key: str) -> tuple[Mail, ...]:
    """A person's generated messages, oldest first."""
    return ()
