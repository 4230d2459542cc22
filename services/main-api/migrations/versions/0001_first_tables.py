"""Users, sessions, recoveries, and the chassis' own tables."""

from alembic import op

from opside_chassis.database import tenant_policy_sql
from opside_chassis.inbox import inbox_extras_sql
from opside_chassis.outbox import outbox_extras_sql

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE main_api.cases (
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    reference TEXT NOT NULL,
    reason TEXT NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_cases PRIMARY KEY (id)
);

CREATE TABLE main_api.inbox (
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

CREATE INDEX ix_inbox_unapplied ON main_api.inbox (received_at) WHERE status = 'received';

CREATE TABLE main_api.integration_status (
    user_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    status TEXT NOT NULL,
    account_id TEXT,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_integration_status PRIMARY KEY (user_id, provider)
);

CREATE TABLE main_api.outbox (
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

CREATE INDEX ix_outbox_leased ON main_api.outbox (lease_until) WHERE status = 'leased';

CREATE INDEX ix_outbox_prunable ON main_api.outbox (finished_at) WHERE status = 'done' AND (dedupe_key IS NULL OR dedupe_key LIKE 'schedule:%%');

CREATE INDEX ix_outbox_waiting ON main_api.outbox (due_at) WHERE status = 'waiting';

CREATE TABLE main_api.recoveries (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    recovery_id TEXT NOT NULL,
    case_id TEXT NOT NULL,
    claim_id TEXT NOT NULL,
    claim_type TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    approved_at TIMESTAMP WITH TIME ZONE NOT NULL,
    amazon_case_id TEXT,
    billable BOOLEAN NOT NULL,
    not_billable_reason TEXT,
    rule_version TEXT NOT NULL,
    transaction_id TEXT,
    commission_status TEXT,
    commission_version BIGINT DEFAULT '0' NOT NULL,
    settled BOOLEAN DEFAULT 'false' NOT NULL,
    next_step TEXT DEFAULT 'none' NOT NULL,
    fee_minor BIGINT DEFAULT '0' NOT NULL,
    collected_minor BIGINT DEFAULT '0' NOT NULL,
    transferred_minor BIGINT DEFAULT '0' NOT NULL,
    refunded_minor BIGINT DEFAULT '0' NOT NULL,
    reversed_minor BIGINT DEFAULT '0' NOT NULL,
    payment_intent_id TEXT,
    failure_reason TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_recoveries PRIMARY KEY (id),
    CONSTRAINT uq_recoveries_user_id_recovery_id UNIQUE (user_id, recovery_id)
);

CREATE INDEX ix_recoveries_approved_at ON main_api.recoveries (approved_at);

CREATE TABLE main_api.sessions (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    csrf_token TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_sessions PRIMARY KEY (id)
);

CREATE TABLE main_api.sign_in_attempts (
    state_hash TEXT NOT NULL,
    browser_hash TEXT NOT NULL,
    code_verifier TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_sign_in_attempts PRIMARY KEY (state_hash)
);

CREATE TABLE main_api.users (
    id TEXT NOT NULL,
    amazon_user_id TEXT NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT DEFAULT 'user' NOT NULL,
    collection_mode TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_users PRIMARY KEY (id),
    CONSTRAINT uq_users_amazon_user_id UNIQUE (amazon_user_id)
);

CREATE TABLE main_api.refresh_tokens (
    token_hash TEXT NOT NULL,
    session_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_refresh_tokens PRIMARY KEY (token_hash),
    CONSTRAINT fk_refresh_tokens_session_id FOREIGN KEY(session_id) REFERENCES main_api.sessions (id) ON DELETE CASCADE
);

CREATE TABLE main_api.reversals (
    user_id TEXT NOT NULL,
    reversal_id TEXT NOT NULL,
    recovery_id TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    reversed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    clawed_back_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_reversals PRIMARY KEY (user_id, reversal_id),
    CONSTRAINT fk_reversals_user_id_recovery_id FOREIGN KEY(user_id, recovery_id) REFERENCES main_api.recoveries (user_id, recovery_id)
);
"""

RULES = """
ALTER TABLE main_api.users
    ADD CONSTRAINT ck_users_role CHECK (role IN ('user', 'admin')),
    ADD CONSTRAINT ck_users_collection CHECK (collection_mode IN ('fee_only', 'gross'));;

ALTER TABLE main_api.integration_status
    ADD CONSTRAINT ck_integration_status_provider CHECK (provider IN ('amazon', 'gmail', 'stripe')),
    ADD CONSTRAINT ck_integration_status_status
        CHECK (status IN ('not_connected', 'connected', 'reconnect'));;

ALTER TABLE main_api.recoveries
    ADD CONSTRAINT ck_recoveries_amount CHECK (amount_minor > 0 AND quantity >= 0),
    ADD CONSTRAINT ck_recoveries_sums CHECK (
        fee_minor BETWEEN 0 AND amount_minor
        AND collected_minor BETWEEN 0 AND amount_minor
        AND transferred_minor BETWEEN 0 AND collected_minor
        AND refunded_minor BETWEEN 0 AND collected_minor
        AND reversed_minor >= 0),
    ADD CONSTRAINT ck_recoveries_not_billed CHECK (
        billable OR (transaction_id IS NULL AND fee_minor = 0 AND collected_minor = 0)),
    ADD CONSTRAINT ck_recoveries_reason CHECK (billable OR not_billable_reason IS NOT NULL);;

ALTER TABLE main_api.reversals ADD CONSTRAINT ck_reversals_amount CHECK (amount_minor > 0);;

CREATE FUNCTION main_api.keep_recovery_facts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.user_id, NEW.recovery_id, NEW.case_id, NEW.claim_id, NEW.amount_minor, NEW.currency, NEW.billable)
        IS DISTINCT FROM
       (OLD.user_id, OLD.recovery_id, OLD.case_id, OLD.claim_id, OLD.amount_minor, OLD.currency, OLD.billable)
       OR (OLD.transaction_id IS NOT NULL AND NEW.transaction_id IS DISTINCT FROM OLD.transaction_id)
       OR NEW.commission_version < OLD.commission_version THEN
        RAISE EXCEPTION 'what Amazon paid and which commission it led to never changes'
            USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;

CREATE TRIGGER keep_recovery_facts BEFORE UPDATE ON main_api.recoveries
    FOR EACH ROW EXECUTE FUNCTION main_api.keep_recovery_facts();;

REVOKE DELETE ON main_api.recoveries, main_api.reversals, main_api.cases FROM main_api_app;;
"""

TENANT_TABLES = {
    "users": "id",
    "sessions": "user_id",
    "refresh_tokens": "user_id",
    "integration_status": "user_id",
    "recoveries": "user_id",
    "reversals": "user_id",
}


def upgrade() -> None:
    for statement in TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
    for statement in RULES.split(";;\n"):
        if statement.strip():
            op.execute(statement)
    for statement in outbox_extras_sql("main_api") + inbox_extras_sql("main_api"):
        op.execute(statement)
    for table, column in TENANT_TABLES.items():
        for statement in tenant_policy_sql(f"main_api.{table}", column=column):
            op.execute(statement)


def downgrade() -> None:
    # The first migration made everything but alembic's own table.
    op.execute("""
        DO $$
        DECLARE
            made record;
        BEGIN
            FOR made IN SELECT tablename FROM pg_tables
                         WHERE schemaname = 'main_api' AND tablename <> 'alembic_version' LOOP
                EXECUTE format('DROP TABLE main_api.%I CASCADE', made.tablename);
            END LOOP;
            FOR made IN SELECT p.oid::regprocedure AS signature FROM pg_proc p
                         WHERE p.pronamespace = 'main_api'::regnamespace LOOP
                EXECUTE format('DROP FUNCTION %s CASCADE', made.signature);
            END LOOP;
        END $$
    """)
