"""Sign-in with Amazon, browser sessions, sign-out."""
