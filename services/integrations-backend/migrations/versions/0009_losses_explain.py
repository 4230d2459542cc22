"""A loss that is no claim explains itself, as a claim does; the next detection writes them anew."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE integrations.detected_losses"
        " ADD COLUMN explanation JSONB NOT NULL DEFAULT '{}'::jsonb"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE integrations.detected_losses DROP COLUMN explanation")
