"""Google's OAuth 2.0: consent, tokens, userinfo, revocation."""
