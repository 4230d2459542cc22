"""Movements of money in a seller's own Stripe account: pulled in parts, kept once, linked to cases."""
