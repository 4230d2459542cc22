"""Small pages that stand in for Stripe's own: no script, so that any HTTP client can use them."""
