"""The Selling Partner API."""
