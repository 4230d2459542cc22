"""Which selling accounts a user connected, and whether the grant still holds."""
