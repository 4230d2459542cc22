"""A seller's data can be erased: what the application may not delete, a function deletes for one tenant."""

from alembic import op

revision = "0010"
down_revision = "0009"

# Cases, claims and recoveries are history that no code of ours may rewrite; erasing their seller is the
# one lawful way for them to go, and it takes all of his at once.
UP = """
CREATE FUNCTION integrations.erase_protected(of_user text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = integrations, pg_temp AS $$
BEGIN
    IF of_user = '*' OR current_setting('opside.tenant', true) IS DISTINCT FROM of_user THEN
        RAISE EXCEPTION 'a seller is erased in his own name' USING ERRCODE = '42501';
    END IF;
    DELETE FROM stripe_transactions WHERE user_id = of_user;
    DELETE FROM case_recoveries WHERE user_id = of_user;
    DELETE FROM refund_engine_cases WHERE user_id = of_user;
    DELETE FROM amazon_claims WHERE user_id = of_user;
    DELETE FROM invoice_changes WHERE user_id = of_user;
    DELETE FROM paper_sources WHERE user_id = of_user;
END $$
"""


def upgrade() -> None:
    op.execute(UP)
    op.execute("REVOKE EXECUTE ON FUNCTION integrations.erase_protected(text) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION integrations.erase_protected(text) TO integrations_app")


def downgrade() -> None:
    op.execute("DROP FUNCTION integrations.erase_protected(text)")
