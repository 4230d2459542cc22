"""The Google stand-in: OAuth consent and tokens, and the Gmail API, read only."""

from opside_sandbox.gmail.control import control_router

__all__ = ["control_router"]
