"""The Amazon stand-in."""

from opside_sandbox.amazon.control import control_router

__all__ = ["control_router"]
