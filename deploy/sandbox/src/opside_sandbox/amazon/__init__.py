"""The Amazon stand-in: Login with Amazon, Seller Central and the Selling Partner API."""

from opside_sandbox.amazon.control import control_router

__all__ = ["control_router"]
