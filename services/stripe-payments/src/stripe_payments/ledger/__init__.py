"""The double-entry book."""
