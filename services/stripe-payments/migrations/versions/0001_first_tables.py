"""Commissions, the book, accounts, customers, and the chassis' own tables."""

from alembic import op

from opside_chassis.database import tenant_policy_sql
from opside_chassis.idempotency import idempotency_extras_sql
from opside_chassis.inbox import inbox_extras_sql
from opside_chassis.outbox import outbox_extras_sql

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE payments.cases (
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    reference TEXT NOT NULL,
    reason TEXT NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_cases PRIMARY KEY (id)
);

CREATE TABLE payments.commission_transitions (
    from_state TEXT NOT NULL,
    to_state TEXT NOT NULL,
    CONSTRAINT pk_commission_transitions PRIMARY KEY (from_state, to_state)
);

CREATE TABLE payments.commissions (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    claim_id TEXT NOT NULL,
    recovery_id TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    rate_bp BIGINT NOT NULL,
    fee_minor BIGINT NOT NULL,
    share_minor BIGINT NOT NULL,
    collection TEXT NOT NULL,
    charge_minor BIGINT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    deadline_at TIMESTAMP WITH TIME ZONE,
    customer_id TEXT,
    payment_method_id TEXT,
    intent_id TEXT,
    confirm_number BIGINT DEFAULT '0' NOT NULL,
    charge_id TEXT,
    declined_charge_id TEXT,
    collected_minor BIGINT DEFAULT '0' NOT NULL,
    reserved_minor BIGINT DEFAULT '0' NOT NULL,
    transferred_minor BIGINT DEFAULT '0' NOT NULL,
    refunded_minor BIGINT DEFAULT '0' NOT NULL,
    transfer_id TEXT,
    next_step TEXT DEFAULT 'none' NOT NULL,
    failure_reason TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_commissions PRIMARY KEY (id),
    CONSTRAINT uq_commissions_user_id_claim_id_recovery_id UNIQUE (user_id, claim_id, recovery_id),
    CONSTRAINT uq_commissions_intent_id UNIQUE (intent_id),
    CONSTRAINT uq_commissions_transfer_id UNIQUE (transfer_id)
);

CREATE INDEX ix_commissions_deadline_at ON payments.commissions (deadline_at);

CREATE INDEX ix_commissions_user_id ON payments.commissions (user_id);

CREATE TABLE payments.idempotency_keys (
    caller TEXT NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status_code BIGINT,
    body TEXT,
    resource_id TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_idempotency_keys PRIMARY KEY (caller, route, key)
);

CREATE TABLE payments.inbox (
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    account TEXT DEFAULT '' NOT NULL,
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    payload JSONB NOT NULL,
    status TEXT DEFAULT 'received' NOT NULL,
    attempts BIGINT DEFAULT '0' NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    applied_at TIMESTAMP WITH TIME ZONE,
    last_error TEXT,
    CONSTRAINT pk_inbox PRIMARY KEY (id),
    CONSTRAINT uq_inbox_source_account_event_id UNIQUE (source, account, event_id)
);

CREATE INDEX ix_inbox_unapplied ON payments.inbox (received_at) WHERE status = 'received';

CREATE TABLE payments.outbox (
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload JSONB NOT NULL,
    tenant TEXT,
    dedupe_key TEXT,
    status TEXT DEFAULT 'waiting' NOT NULL,
    attempt BIGINT DEFAULT '0' NOT NULL,
    failures BIGINT DEFAULT '0' NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    lease_until TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    last_error TEXT,
    trace_parent TEXT,
    CONSTRAINT pk_outbox PRIMARY KEY (id),
    CONSTRAINT uq_outbox_dedupe_key UNIQUE (dedupe_key)
);

CREATE INDEX ix_outbox_leased ON payments.outbox (lease_until) WHERE status = 'leased';

CREATE INDEX ix_outbox_prunable ON payments.outbox (finished_at) WHERE status = 'done' AND (dedupe_key IS NULL OR dedupe_key LIKE 'schedule:%%');

CREATE INDEX ix_outbox_waiting ON payments.outbox (due_at) WHERE status = 'waiting';

CREATE TABLE payments.stripe_accounts (
    user_id TEXT NOT NULL,
    account_id TEXT,
    country TEXT NOT NULL,
    charges_enabled BOOLEAN DEFAULT 'false' NOT NULL,
    payouts_enabled BOOLEAN DEFAULT 'false' NOT NULL,
    details_submitted BOOLEAN DEFAULT 'false' NOT NULL,
    transfers_active BOOLEAN DEFAULT 'false' NOT NULL,
    requirements_due JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_stripe_accounts PRIMARY KEY (user_id),
    CONSTRAINT uq_stripe_accounts_account_id UNIQUE (account_id)
);

CREATE TABLE payments.stripe_customers (
    user_id TEXT NOT NULL,
    customer_id TEXT,
    payment_method_id TEXT,
    setups BIGINT DEFAULT '0' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_stripe_customers PRIMARY KEY (user_id),
    CONSTRAINT uq_stripe_customers_customer_id UNIQUE (customer_id)
);

CREATE TABLE payments.transaction_audit (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    object_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    from_state TEXT,
    to_state TEXT NOT NULL,
    figures JSONB NOT NULL,
    actor TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    CONSTRAINT pk_transaction_audit PRIMARY KEY (id)
);

CREATE INDEX ix_transaction_audit_object_id ON payments.transaction_audit (object_id);

CREATE TABLE payments.used_token_ids (
    issuer TEXT NOT NULL,
    token_id TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_used_token_ids PRIMARY KEY (issuer, token_id)
);

CREATE INDEX ix_used_token_ids_expires_at ON payments.used_token_ids (expires_at);

CREATE TABLE payments.journals (
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    effect TEXT NOT NULL,
    commission_id TEXT NOT NULL,
    booked_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    transaction_number BIGINT NOT NULL,
    CONSTRAINT pk_journals PRIMARY KEY (id),
    CONSTRAINT uq_journals_effect_kind UNIQUE (effect, kind),
    CONSTRAINT fk_journals_commission_id FOREIGN KEY(commission_id) REFERENCES payments.commissions (id)
);

CREATE INDEX ix_journals_commission_id ON payments.journals (commission_id);

CREATE TABLE payments.postings (
    journal_id TEXT NOT NULL,
    line BIGINT NOT NULL,
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    CONSTRAINT pk_postings PRIMARY KEY (journal_id, line),
    CONSTRAINT fk_postings_journal_id FOREIGN KEY(journal_id) REFERENCES payments.journals (id)
);
"""

TENANT_TABLES = {
    "commissions": "user_id",
    "transaction_audit": "user_id",
    "stripe_customers": "user_id",
    "stripe_accounts": "user_id",
}


def upgrade() -> None:
    for statement in TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
    for statement in (
        outbox_extras_sql("payments")
        + inbox_extras_sql("payments")
        + idempotency_extras_sql("payments")
    ):
        op.execute(statement)
    for table, column in TENANT_TABLES.items():
        for statement in tenant_policy_sql(f"payments.{table}", column=column):
            op.execute(statement)


def downgrade() -> None:
    # The first migration made everything but alembic's own table.
    op.execute("""
        DO $$
        DECLARE
            made record;
        BEGIN
            FOR made IN SELECT tablename FROM pg_tables
                         WHERE schemaname = 'payments' AND tablename <> 'alembic_version' LOOP
                EXECUTE format('DROP TABLE payments.%I CASCADE', made.tablename);
            END LOOP;
            FOR made IN SELECT p.oid::regprocedure AS signature FROM pg_proc p
                         WHERE p.pronamespace = 'payments'::regnamespace LOOP
                EXECUTE format('DROP FUNCTION %s CASCADE', made.signature);
            END LOOP;
        END $$
    """)
