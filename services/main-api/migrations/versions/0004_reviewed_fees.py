"""A seller may object to a fee before it is asked for; what was asked for is kept with its rate."""

from alembic import op

from opside_chassis.database import tenant_policy_sql

revision = "0004"
down_revision = "0003"

UP = (
    """
    ALTER TABLE main_api.recoveries
        ADD COLUMN review_until TIMESTAMP WITH TIME ZONE,
        ADD COLUMN requested_at TIMESTAMP WITH TIME ZONE,
        ADD COLUMN collection TEXT,
        ADD COLUMN not_charged_reason TEXT,
        ADD COLUMN rate_bp BIGINT
    """,
    "SELECT set_config('opside.tenant', '*', true)",
    # What was accepted before this version is never asked for again: its mode no longer matters.
    """
    UPDATE main_api.recoveries SET requested_at = created_at, collection = 'fee_only'
     WHERE transaction_id IS NOT NULL
    """,
    """
    ALTER TABLE main_api.recoveries
        ADD CONSTRAINT ck_recoveries_rate CHECK (rate_bp BETWEEN 0 AND 10000),
        ADD CONSTRAINT ck_recoveries_collection CHECK (collection IN ('fee_only', 'gross')),
        ADD CONSTRAINT ck_recoveries_requested CHECK ((requested_at IS NULL) = (collection IS NULL)),
        ADD CONSTRAINT ck_recoveries_not_charged CHECK (
            not_charged_reason IS NULL
            OR (billable AND requested_at IS NULL AND transaction_id IS NULL AND fee_minor = 0))
    """,
    """
    CREATE TABLE main_api.objections (
        recovery_row_id TEXT NOT NULL,
        user_id TEXT NOT NULL,
        reason TEXT NOT NULL,
        raised_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        outcome TEXT,
        note TEXT,
        decided_by TEXT,
        decided_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_objections PRIMARY KEY (recovery_row_id),
        CONSTRAINT fk_objections_recovery_row_id FOREIGN KEY(recovery_row_id)
            REFERENCES main_api.recoveries (id),
        CONSTRAINT ck_objections_outcome CHECK (outcome IN ('upheld', 'rejected')),
        CONSTRAINT ck_objections_decided CHECK (
            (outcome IS NULL) = (decided_by IS NULL)
            AND (outcome IS NULL) = (decided_at IS NULL)
            AND (outcome IS NULL) = (note IS NULL))
    )
    """,
    """
    CREATE FUNCTION main_api.keep_objection() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.outcome IS NOT NULL
           OR (NEW.recovery_row_id, NEW.user_id, NEW.reason, NEW.raised_at)
              IS DISTINCT FROM (OLD.recovery_row_id, OLD.user_id, OLD.reason, OLD.raised_at) THEN
            RAISE EXCEPTION 'an objection keeps its words and never changes once decided'
                USING ERRCODE = '23514';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER keep_objection BEFORE UPDATE ON main_api.objections
        FOR EACH ROW EXECUTE FUNCTION main_api.keep_objection()
    """,
    # A fee is never asked for against a standing objection, whatever the code believes.
    """
    CREATE FUNCTION main_api.heed_objection() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.requested_at IS NOT NULL AND NEW.requested_at IS DISTINCT FROM OLD.requested_at
           OR OLD.not_charged_reason IS NOT NULL
              AND NEW.not_charged_reason IS DISTINCT FROM OLD.not_charged_reason THEN
            RAISE EXCEPTION 'whether a fee was asked for never changes' USING ERRCODE = '23514';
        END IF;
        IF NEW.requested_at IS NOT NULL AND OLD.requested_at IS NULL AND EXISTS (
            SELECT 1 FROM main_api.objections o
             WHERE o.recovery_row_id = NEW.id AND o.outcome IS DISTINCT FROM 'rejected') THEN
            RAISE EXCEPTION 'a standing objection holds the fee back' USING ERRCODE = '23514';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER heed_objection BEFORE UPDATE ON main_api.recoveries
        FOR EACH ROW EXECUTE FUNCTION main_api.heed_objection()
    """,
    "REVOKE DELETE ON main_api.objections FROM main_api_app",
)

DOWN = (
    "DROP TRIGGER heed_objection ON main_api.recoveries",
    "DROP FUNCTION main_api.heed_objection()",
    "DROP TABLE main_api.objections",
    "DROP FUNCTION main_api.keep_objection()",
    """
    ALTER TABLE main_api.recoveries
        DROP COLUMN review_until, DROP COLUMN requested_at, DROP COLUMN collection,
        DROP COLUMN not_charged_reason, DROP COLUMN rate_bp
    """,
)


def upgrade() -> None:
    """Add the columns, the table and what guards them."""
    for statement in UP:
        op.execute(statement)
    for statement in tenant_policy_sql("main_api.objections"):
        op.execute(statement)


def downgrade() -> None:
    """Objections are lost; what was charged stays charged."""
    for statement in DOWN:
        op.execute(statement)
