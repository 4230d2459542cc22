"""Movements of money in sellers' own Stripe accounts, and how far each account was pulled."""

from alembic import op

from opside_chassis.database import tenant_policy_sql

revision = "0008"
down_revision = "0007"

TRANSACTIONS = """
CREATE TABLE integrations.stripe_transactions (
    user_id TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    category TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    fee_minor BIGINT NOT NULL,
    net_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    available_on TIMESTAMP WITH TIME ZONE NOT NULL,
    source_id TEXT,
    description TEXT,
    identifiers TEXT[] NOT NULL,
    case_id TEXT,
    recovery_id TEXT,
    linked_by TEXT,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_stripe_transactions PRIMARY KEY (user_id, transaction_id),
    CONSTRAINT ck_stripe_transactions_net CHECK (net_minor = amount_minor - fee_minor),
    CONSTRAINT ck_stripe_transactions_linked
        CHECK ((linked_by IS NULL) = (case_id IS NULL AND recovery_id IS NULL)),
    CONSTRAINT fk_stripe_transactions_user_id_case_id
        FOREIGN KEY (user_id, case_id) REFERENCES integrations.refund_engine_cases (user_id, id),
    CONSTRAINT fk_stripe_transactions_user_id_recovery_id
        FOREIGN KEY (user_id, recovery_id)
        REFERENCES integrations.case_recoveries (user_id, recovery_id)
)
"""
NEWEST = """
CREATE INDEX ix_stripe_transactions_newest
    ON integrations.stripe_transactions (user_id, occurred_at, transaction_id)
"""
BY_CASE = """
CREATE INDEX ix_stripe_transactions_case
    ON integrations.stripe_transactions (user_id, case_id) WHERE case_id IS NOT NULL
"""
PULLS = """
CREATE TABLE integrations.stripe_pulls (
    user_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    newest_at TIMESTAMP WITH TIME ZONE,
    page_after TEXT,
    seen_newest_at TIMESTAMP WITH TIME ZONE,
    pulled_at TIMESTAMP WITH TIME ZONE,
    problem TEXT,
    CONSTRAINT pk_stripe_pulls PRIMARY KEY (user_id)
)
"""
TABLES = ("stripe_transactions", "stripe_pulls")


def upgrade() -> None:
    for statement in (TRANSACTIONS, NEWEST, BY_CASE, PULLS):
        op.execute(statement)
    for table in TABLES:
        for statement in tenant_policy_sql(f"integrations.{table}", column="user_id"):
            op.execute(statement)


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TABLE integrations.{table}")
