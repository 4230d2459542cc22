"""Providers' tokens, sealed; fresh when asked for."""
