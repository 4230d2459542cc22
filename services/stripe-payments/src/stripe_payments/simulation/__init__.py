"""Events for trying things out, in test mode only."""
