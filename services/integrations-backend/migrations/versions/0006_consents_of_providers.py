"""A consent names its provider; only a selling account has a store."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE integrations.consent_attempts ADD COLUMN provider TEXT NOT NULL DEFAULT 'amazon'"
    )
    op.execute("ALTER TABLE integrations.consent_attempts ALTER COLUMN provider DROP DEFAULT")
    op.execute(
        "ALTER TABLE integrations.connections ALTER COLUMN marketplace_id DROP NOT NULL,"
        " ADD CONSTRAINT ck_connections_store"
        " CHECK (provider <> 'amazon' OR marketplace_id IS NOT NULL)"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE integrations.consent_attempts DROP COLUMN provider")
    op.execute("DELETE FROM integrations.connections WHERE provider <> 'amazon'")
    op.execute(
        "ALTER TABLE integrations.connections DROP CONSTRAINT ck_connections_store,"
        " ALTER COLUMN marketplace_id SET NOT NULL"
    )
