"""Onboardings at Stripe that were given up: why, and when."""

from alembic import op

from opside_chassis.database import tenant_policy_sql

revision = "0013"
down_revision = "0012"

TABLE = "integrations.given_up_onboardings"
GIVEN_UP = f"""
CREATE TABLE {TABLE} (
    user_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    code TEXT NOT NULL,
    given_up_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_given_up_onboardings PRIMARY KEY (user_id),
    CONSTRAINT ck_given_up_onboardings_reason CHECK (reason IN ('unavailable', 'refused'))
)
"""
DUE = f"CREATE INDEX ix_given_up_onboardings_due ON {TABLE} (given_up_at) WHERE reason = 'unavailable'"


def upgrade() -> None:
    for statement in (GIVEN_UP, DUE, *tenant_policy_sql(TABLE, column="user_id")):
        op.execute(statement)


def downgrade() -> None:
    op.execute(f"DROP TABLE {TABLE}")
