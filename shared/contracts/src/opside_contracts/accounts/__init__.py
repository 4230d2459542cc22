"""What main-api promises to the other services."""
