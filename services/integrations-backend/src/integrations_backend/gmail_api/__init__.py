"""Google's consent and the Gmail API, read only, as much as we use."""
