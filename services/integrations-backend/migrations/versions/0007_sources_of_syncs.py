"""What a source last gave is found without reading every sync of the user."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute(
        "CREATE INDEX ix_sync_reports_source"
        " ON integrations.sync_reports (user_id, report_type, sync_id)"
    )


def downgrade() -> None:
    op.execute("DROP INDEX integrations.ix_sync_reports_source")
