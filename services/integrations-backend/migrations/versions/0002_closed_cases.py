"""A case that was not filed closes when nothing is owed any longer, and opens again when it is."""

from alembic import op

revision = "0002"
down_revision = "0001"

UPGRADE = (
    "ALTER TABLE integrations.amazon_claims ADD COLUMN settled_as TEXT",
    "ALTER TABLE integrations.refund_engine_cases ADD COLUMN closed_reason TEXT",
    "ALTER TABLE integrations.refund_engine_cases DROP CONSTRAINT ck_refund_engine_cases_filed",
    """
    ALTER TABLE integrations.refund_engine_cases
        ADD CONSTRAINT ck_refund_engine_cases_filed CHECK (
            (case_status IN ('open', 'closed')) = (amazon_case_id IS NULL)
            AND (amazon_case_id IS NULL) = (filed_at IS NULL)
            AND (amazon_case_id IS NULL) = (filed_quantity IS NULL)),
        ADD CONSTRAINT ck_refund_engine_cases_closed CHECK (
            (case_status = 'closed') = (closed_reason IS NOT NULL))
    """,
    "INSERT INTO integrations.case_transitions VALUES ('open', 'closed'), ('closed', 'open')",
)
DOWNGRADE = (
    "ALTER TABLE integrations.refund_engine_cases DROP CONSTRAINT ck_refund_engine_cases_closed",
    # Row security holds for the owner too.
    "SELECT set_config('opside.tenant', '*', true)",
    "UPDATE integrations.refund_engine_cases SET case_status = 'open' WHERE case_status = 'closed'",
    "DELETE FROM integrations.case_transitions WHERE 'closed' IN (from_status, to_status)",
    "ALTER TABLE integrations.refund_engine_cases DROP CONSTRAINT ck_refund_engine_cases_filed",
    """
    ALTER TABLE integrations.refund_engine_cases
        ADD CONSTRAINT ck_refund_engine_cases_filed CHECK (
            (case_status = 'open') = (amazon_case_id IS NULL)
            AND (amazon_case_id IS NULL) = (filed_at IS NULL)
            AND (amazon_case_id IS NULL) = (filed_quantity IS NULL))
    """,
    "ALTER TABLE integrations.refund_engine_cases DROP COLUMN closed_reason",
    "ALTER TABLE integrations.amazon_claims DROP COLUMN settled_as",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
