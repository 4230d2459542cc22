"""A seller's own Stripe account over HTTP, read-only, and one name for each way it fails."""
