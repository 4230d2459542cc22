"""One worker refreshes a token; the others wait for what it gets."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("ALTER TABLE integrations.oauth_tokens ADD COLUMN refreshing_until TIMESTAMPTZ")


def downgrade() -> None:
    op.execute("ALTER TABLE integrations.oauth_tokens DROP COLUMN refreshing_until")
