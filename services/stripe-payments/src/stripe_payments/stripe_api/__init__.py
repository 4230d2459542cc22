"""Stripe, as much of it as we use."""
