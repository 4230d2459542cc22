"""Movements of money in sellers' own Stripe accounts, and how far each account was pulled."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None: ...


def downgrade() -> None: ...
