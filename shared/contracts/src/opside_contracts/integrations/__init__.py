"""What integrations-backend promises to the other services."""
