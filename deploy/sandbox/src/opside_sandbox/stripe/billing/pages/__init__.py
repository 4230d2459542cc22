"""Small pages that stand in for Stripe Checkout and the customer portal."""
