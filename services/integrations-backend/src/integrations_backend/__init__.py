"""Amazon connection, token vault, sync pipeline, claim detection, case ledger."""
