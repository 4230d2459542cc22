"""Migrations of integrations-backend's schema."""

from integrations_backend.tables import metadata
from opside_chassis.migration import run_migrations

run_migrations(metadata)
