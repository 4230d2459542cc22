"""A sign-in may have begun in Amazon's Appstore, and goes on there."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """What the Appstore gave the browser, until it comes back from signing in."""
    op.execute("ALTER TABLE main_api.sign_in_attempts ADD COLUMN appstore JSONB")


def downgrade() -> None:
    """Without it."""
    op.execute("ALTER TABLE main_api.sign_in_attempts DROP COLUMN appstore")
