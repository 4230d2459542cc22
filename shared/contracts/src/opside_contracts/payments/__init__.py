"""What stripe-payments promises to the other services."""
