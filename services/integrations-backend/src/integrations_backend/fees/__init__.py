"""Fees that Amazon charged, as its settlements show them."""
