"""The refund engine: confirmed recoveries become commission requests."""
