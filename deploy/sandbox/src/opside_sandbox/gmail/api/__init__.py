"""The Gmail API, version 1, read only."""
