"""How often reading a report has failed: one that fails again and again is given up alone."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE integrations.sync_reports"
        " ADD COLUMN failures BIGINT NOT NULL DEFAULT 0 CHECK (failures >= 0)"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE integrations.sync_reports DROP COLUMN failures")
