"""Ways out of states that a row could rest in for ever."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("""
        INSERT INTO payments.commission_transitions
        SELECT of_state, to_state, role FROM (VALUES
            ('confirming', 'cancelled'), ('unknown', 'cancelled'), ('processing', 'cancelled'),
            ('transfer_blocked', 'settled')) AS m (of_state, to_state),
            (VALUES ('payments_worker'), ('payments_janitor')) AS r (role)
         WHERE (to_state, role) <> ('settled', 'payments_janitor')
    """)


def downgrade() -> None:
    # The first migration's downgrade drops all tables and functions.
    pass
