"""Migrations of main-api's schema."""

from main_api.tables import metadata
from opside_chassis.migration import run_migrations

run_migrations(metadata)
