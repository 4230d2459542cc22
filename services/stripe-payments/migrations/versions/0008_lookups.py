"""What Stripe answered for nothing is looked for, hours apart; cursors of events; cases by reference."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    pass


def downgrade() -> None:
    # The first migration's downgrade drops all tables and functions.
    pass
