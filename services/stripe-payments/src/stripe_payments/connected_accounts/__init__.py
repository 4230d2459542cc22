"""Sellers' Connect accounts."""
