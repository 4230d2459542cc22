"""The chassis' own test schema."""

from schema_tables import metadata

from opside_chassis.migration import run_migrations

run_migrations(metadata)
