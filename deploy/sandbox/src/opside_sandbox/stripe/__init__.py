"""The Stripe stand-in."""

from opside_sandbox.stripe.control import control_router

__all__ = ["control_router"]
