"""Stateful stand-ins for Stripe, Amazon and Gmail over real HTTP."""
