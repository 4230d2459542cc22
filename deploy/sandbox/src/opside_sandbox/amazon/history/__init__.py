"""The seller generator: what happened to every unit."""
