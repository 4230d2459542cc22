"""Our fee on a recovery: accepted, collected, settled, once."""
