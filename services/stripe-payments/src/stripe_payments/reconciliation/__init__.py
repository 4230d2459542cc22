"""Sweeps that bring every row to rest."""
