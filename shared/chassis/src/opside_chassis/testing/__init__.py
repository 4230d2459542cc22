"""Real engines for tests and for one machine: embedded Postgres and Redis, and the pytest plugin."""
