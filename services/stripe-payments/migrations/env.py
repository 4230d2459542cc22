"""Migrations of stripe-payments's schema."""

from opside_chassis.migration import run_migrations
from stripe_payments.tables import metadata

run_migrations(metadata)
