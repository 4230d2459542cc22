"""Exports and erasures of a seller's data, and what the application may not delete."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
