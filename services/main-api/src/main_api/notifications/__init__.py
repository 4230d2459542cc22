"""What a seller is told: a feed in the app, and letters."""
