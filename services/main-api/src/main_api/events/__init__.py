"""What the other services tell us."""
