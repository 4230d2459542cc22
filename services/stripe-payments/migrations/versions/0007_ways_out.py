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
    # The worker closes no cases but those of disputes that ended without harm.
    op.execute("""
        CREATE FUNCTION payments.close_dispute(commission text) RETURNS void
            LANGUAGE sql SECURITY DEFINER SET search_path = payments, pg_temp AS $$
            UPDATE payments.cases SET closed_at = now()
             WHERE kind = 'dispute' AND reference = commission AND closed_at IS NULL $$
    """)
    op.execute("REVOKE EXECUTE ON FUNCTION payments.close_dispute(text) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION payments.close_dispute(text) TO payments_worker")


def downgrade() -> None:
    # The first migration's downgrade drops all tables and functions.
    pass
