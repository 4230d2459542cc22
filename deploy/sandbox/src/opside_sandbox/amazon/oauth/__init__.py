"""Login with Amazon and the two consents."""
