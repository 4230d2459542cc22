"""Sellers as Stripe customers, and their saved cards."""
