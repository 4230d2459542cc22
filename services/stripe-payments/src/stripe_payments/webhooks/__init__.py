"""Stripe's events: stored once, treated as hints."""
