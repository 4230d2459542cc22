"""When a user was told by letter that the erasure of his account is ordered."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("ALTER TABLE main_api.account_erasures ADD COLUMN told_at TIMESTAMP WITH TIME ZONE")


def downgrade() -> None:
    op.execute("ALTER TABLE main_api.account_erasures DROP COLUMN told_at")
