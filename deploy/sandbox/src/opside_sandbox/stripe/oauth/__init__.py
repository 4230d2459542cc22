"""Connect OAuth: people's own (Standard) accounts, the consent page, tokens, and their end."""
