"""The door to the other two services: one declared table of routes."""
