"""Rates that were agreed with single sellers; the newest of each holds, and none is ever changed."""

from alembic import op

from opside_chassis.database import tenant_policy_sql

revision = "0009"
down_revision = "0008"

STATEMENTS = """
CREATE TABLE payments.seller_rates (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    rate_bp BIGINT NOT NULL,
    set_by TEXT NOT NULL,
    note TEXT NOT NULL,
    set_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_seller_rates PRIMARY KEY (id),
    CONSTRAINT ck_seller_rates_rate CHECK (rate_bp BETWEEN 0 AND 10000)
);;
CREATE INDEX ix_seller_rates_user_id ON payments.seller_rates (user_id, id);;
CREATE TRIGGER keep_for_ever BEFORE UPDATE OR DELETE ON payments.seller_rates
    FOR EACH ROW EXECUTE FUNCTION payments.keep_for_ever();;
GRANT SELECT ON payments.seller_rates TO payments_api, payments_auditor;;
GRANT SELECT, INSERT (id, user_id, rate_bp, set_by, note) ON payments.seller_rates TO payments_admin;;
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";;\n"):
        if statement.strip():
            op.execute(statement)
    for statement in tenant_policy_sql("payments.seller_rates", column="user_id"):
        op.execute(statement)


def downgrade() -> None:
    # The first migration's downgrade drops all tables and functions.
    pass
