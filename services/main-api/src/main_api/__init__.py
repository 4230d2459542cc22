"""The public door: sign-in, sessions, gateway, refund engine, statements."""
