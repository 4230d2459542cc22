"""Users, their roles, and the state of their connections."""
