"""Connections, syncs, reports, claims, cases, and the chassis' own tables."""

from alembic import op

from opside_chassis.database import tenant_policy_sql
from opside_chassis.inbox import inbox_extras_sql
from opside_chassis.outbox import outbox_extras_sql

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE integrations.amazon_claims (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    claim_key TEXT NOT NULL,
    marketplace_id TEXT NOT NULL,
    claim_type TEXT NOT NULL,
    fnsku TEXT NOT NULL,
    sku TEXT NOT NULL,
    order_id TEXT NOT NULL,
    reference_id TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    event_date DATE NOT NULL,
    opens_on DATE NOT NULL,
    deadline DATE NOT NULL,
    value_minor BIGINT,
    currency TEXT NOT NULL,
    confidence_bp BIGINT NOT NULL,
    rule_version TEXT NOT NULL,
    explanation JSONB NOT NULL,
    sync_id TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_amazon_claims PRIMARY KEY (id),
    CONSTRAINT uq_amazon_claims_user_id_claim_key UNIQUE (user_id, claim_key),
    CONSTRAINT uq_amazon_claims_user_id_id UNIQUE (user_id, id)
);

CREATE TABLE integrations.case_transitions (
    from_status TEXT NOT NULL,
    to_status TEXT NOT NULL,
    CONSTRAINT pk_case_transitions PRIMARY KEY (from_status, to_status)
);

CREATE TABLE integrations.connections (
    user_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    account_id TEXT,
    status TEXT NOT NULL,
    marketplace_id TEXT NOT NULL,
    changes BIGINT DEFAULT '0' NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_connections PRIMARY KEY (user_id, provider),
    CONSTRAINT uq_connections_provider_account_id UNIQUE (provider, account_id),
    CONSTRAINT ck_connections_status CHECK (status IN ('not_connected', 'connected', 'reconnect'))
);

CREATE TABLE integrations.consent_attempts (
    state_hash TEXT NOT NULL,
    user_id TEXT NOT NULL,
    browser_binding TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_consent_attempts PRIMARY KEY (state_hash)
);

CREATE TABLE integrations.cost_entries (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    sku TEXT NOT NULL,
    unit_cost_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    source_document TEXT NOT NULL,
    effective_date DATE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_cost_entries PRIMARY KEY (id),
    CONSTRAINT uq_cost_entries_user_id_sku_currency_effective_date UNIQUE (user_id, sku, currency, effective_date)
);

CREATE TABLE integrations.detected_losses (
    user_id TEXT NOT NULL,
    place BIGINT NOT NULL,
    claim_type TEXT NOT NULL,
    fnsku TEXT NOT NULL,
    order_id TEXT NOT NULL,
    reference_id TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    event_date DATE NOT NULL,
    reason TEXT NOT NULL,
    CONSTRAINT pk_detected_losses PRIMARY KEY (user_id, place)
);

CREATE TABLE integrations.human_cases (
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    reference TEXT NOT NULL,
    reason TEXT NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_human_cases PRIMARY KEY (id)
);

CREATE TABLE integrations.inbox (
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

CREATE INDEX ix_inbox_unapplied ON integrations.inbox (received_at) WHERE status = 'received';

CREATE TABLE integrations.oauth_tokens (
    user_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    access_token TEXT NOT NULL,
    refresh_token TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_oauth_tokens PRIMARY KEY (user_id, provider),
    CONSTRAINT ck_oauth_tokens_provider CHECK (provider IN ('amazon', 'gmail', 'stripe')),
    CONSTRAINT ck_oauth_tokens_sealed CHECK (access_token LIKE 'v1.%%' AND refresh_token LIKE 'v1.%%')
);

CREATE TABLE integrations.outbox (
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

CREATE INDEX ix_outbox_leased ON integrations.outbox (lease_until) WHERE status = 'leased';

CREATE INDEX ix_outbox_prunable ON integrations.outbox (finished_at) WHERE status = 'done' AND (dedupe_key IS NULL OR dedupe_key LIKE 'schedule:%%');

CREATE INDEX ix_outbox_waiting ON integrations.outbox (due_at) WHERE status = 'waiting';

CREATE TABLE integrations.rejected_report_rows (
    document_id BIGINT NOT NULL,
    line BIGINT NOT NULL,
    user_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    CONSTRAINT pk_rejected_report_rows PRIMARY KEY (document_id, line)
);

CREATE TABLE integrations.report_documents (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    user_id TEXT NOT NULL,
    sync_id TEXT NOT NULL,
    report_type TEXT NOT NULL,
    marketplace_id TEXT NOT NULL,
    document_key TEXT NOT NULL,
    archived_as TEXT,
    rows BIGINT DEFAULT '0' NOT NULL,
    rejected BIGINT DEFAULT '0' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_report_documents PRIMARY KEY (id),
    CONSTRAINT uq_report_documents_user_id_document_key UNIQUE (user_id, document_key)
);

CREATE TABLE integrations.report_uploads (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    files JSONB NOT NULL,
    claims BIGINT DEFAULT '0' NOT NULL,
    losses BIGINT DEFAULT '0' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_report_uploads PRIMARY KEY (id)
);

CREATE INDEX ix_report_uploads_user_id ON integrations.report_uploads (user_id);

CREATE TABLE integrations.stripe_accounts (
    user_id TEXT NOT NULL,
    stripe_account_id TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_stripe_accounts PRIMARY KEY (user_id)
);

CREATE INDEX ix_stripe_accounts_stripe_account_id ON integrations.stripe_accounts (stripe_account_id);

CREATE TABLE integrations.sync_jobs (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    marketplace_id TEXT NOT NULL,
    status TEXT DEFAULT 'running' NOT NULL,
    step TEXT NOT NULL,
    total_cases BIGINT DEFAULT '0' NOT NULL,
    processed_cases BIGINT DEFAULT '0' NOT NULL,
    audit JSONB NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_sync_jobs PRIMARY KEY (id),
    CONSTRAINT uq_sync_jobs_user_id_id UNIQUE (user_id, id),
    CONSTRAINT ck_sync_jobs_status CHECK (status IN ('running', 'done', 'failed', 'cancelled'))
);

CREATE UNIQUE INDEX uq_sync_jobs_running ON integrations.sync_jobs (user_id) WHERE status = 'running';

CREATE TABLE integrations.refund_engine_cases (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    claim_id TEXT NOT NULL,
    mcde_doc_id TEXT,
    case_status TEXT DEFAULT 'open' NOT NULL,
    synced_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    raw_data JSONB NOT NULL,
    normalized_data JSONB NOT NULL,
    audit_log JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    amazon_case_id TEXT,
    filed_at TIMESTAMP WITH TIME ZONE,
    filed_quantity BIGINT,
    unit_cost_minor BIGINT,
    CONSTRAINT pk_refund_engine_cases PRIMARY KEY (id),
    CONSTRAINT uq_refund_engine_cases_user_id_claim_id UNIQUE (user_id, claim_id),
    CONSTRAINT uq_refund_engine_cases_user_id_id UNIQUE (user_id, id),
    CONSTRAINT uq_refund_engine_cases_user_id_amazon_case_id UNIQUE (user_id, amazon_case_id),
    CONSTRAINT fk_refund_engine_cases_user_id_claim_id FOREIGN KEY(user_id, claim_id) REFERENCES integrations.amazon_claims (user_id, id)
);

CREATE TABLE integrations.sync_reports (
    sync_id TEXT NOT NULL,
    report_key TEXT NOT NULL,
    user_id TEXT NOT NULL,
    report_type TEXT NOT NULL,
    report_id TEXT,
    document_id TEXT,
    state TEXT DEFAULT 'pending' NOT NULL,
    rows BIGINT DEFAULT '0' NOT NULL,
    rejected BIGINT DEFAULT '0' NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_sync_reports PRIMARY KEY (sync_id, report_key),
    CONSTRAINT fk_sync_reports_user_id_sync_id FOREIGN KEY(user_id, sync_id) REFERENCES integrations.sync_jobs (user_id, id),
    CONSTRAINT ck_sync_reports_state CHECK (state IN ('pending', 'requested', 'ready', 'read', 'no_data', 'denied', 'failed'))
);

CREATE TABLE integrations.case_recoveries (
    user_id TEXT NOT NULL,
    recovery_id TEXT NOT NULL,
    case_id TEXT,
    amount_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    approved_at TIMESTAMP WITH TIME ZONE NOT NULL,
    reason TEXT NOT NULL,
    amazon_case_id TEXT NOT NULL,
    original_recovery_id TEXT,
    billable BOOLEAN NOT NULL,
    not_billable_reason TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_case_recoveries PRIMARY KEY (user_id, recovery_id),
    CONSTRAINT fk_case_recoveries_user_id_case_id FOREIGN KEY(user_id, case_id) REFERENCES integrations.refund_engine_cases (user_id, id)
);
"""

RULES = """
ALTER TABLE integrations.amazon_claims
    ADD CONSTRAINT ck_amazon_claims_units CHECK (
        quantity > 0 AND (value_minor IS NULL OR value_minor >= 0)
        AND confidence_bp BETWEEN 0 AND 10000 AND opens_on <= deadline);;

CREATE FUNCTION integrations.keep_claim_facts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.user_id, NEW.claim_key, NEW.claim_type, NEW.event_date, NEW.opens_on, NEW.deadline)
       IS DISTINCT FROM
       (OLD.user_id, OLD.claim_key, OLD.claim_type, OLD.event_date, OLD.opens_on, OLD.deadline) THEN
        RAISE EXCEPTION 'a claim keeps its loss and its deadline' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;

CREATE TRIGGER keep_claim_facts BEFORE UPDATE ON integrations.amazon_claims
    FOR EACH ROW EXECUTE FUNCTION integrations.keep_claim_facts();;

ALTER TABLE integrations.refund_engine_cases
    ADD CONSTRAINT ck_refund_engine_cases_filed CHECK (
        (case_status = 'open') = (amazon_case_id IS NULL)
        AND (amazon_case_id IS NULL) = (filed_at IS NULL)
        AND (amazon_case_id IS NULL) = (filed_quantity IS NULL));;

INSERT INTO integrations.case_transitions VALUES ('open', 'filed'), ('filed', 'paid'),
    ('filed', 'partly_paid'), ('partly_paid', 'paid'), ('paid', 'reversed'),
    ('partly_paid', 'reversed');;

CREATE FUNCTION integrations.guard_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.user_id, NEW.claim_id) IS DISTINCT FROM (OLD.id, OLD.user_id, OLD.claim_id)
       OR OLD.amazon_case_id IS NOT NULL AND NEW.amazon_case_id IS DISTINCT FROM OLD.amazon_case_id
    THEN
        RAISE EXCEPTION 'a case keeps its claim and its Amazon case id' USING ERRCODE = '23514';
    END IF;
    IF NEW.case_status <> OLD.case_status AND NOT EXISTS (
        SELECT 1 FROM integrations.case_transitions t
         WHERE t.from_status = OLD.case_status AND t.to_status = NEW.case_status) THEN
        RAISE EXCEPTION 'no case goes from % to %', OLD.case_status, NEW.case_status
            USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;

CREATE TRIGGER guard_case BEFORE UPDATE ON integrations.refund_engine_cases
    FOR EACH ROW EXECUTE FUNCTION integrations.guard_case();;

ALTER TABLE integrations.case_recoveries
    ADD CONSTRAINT ck_case_recoveries_billable CHECK (
        CASE WHEN billable THEN case_id IS NOT NULL AND amount_minor > 0
                                AND original_recovery_id IS NULL
             ELSE not_billable_reason IS NOT NULL END);;

ALTER TABLE integrations.cost_entries ADD CONSTRAINT ck_cost_entries_cost CHECK (unit_cost_minor > 0);;

REVOKE UPDATE, DELETE ON integrations.case_recoveries FROM integrations_app;;
REVOKE DELETE ON integrations.refund_engine_cases, integrations.amazon_claims,
    integrations.human_cases FROM integrations_app;;
REVOKE INSERT, UPDATE, DELETE ON integrations.case_transitions FROM integrations_app;;
"""

TENANT_TABLES = {
    "oauth_tokens": "user_id",
    "connections": "user_id",
    "consent_attempts": "user_id",
    "sync_jobs": "user_id",
    "sync_reports": "user_id",
    "report_documents": "user_id",
    "rejected_report_rows": "user_id",
    "report_uploads": "user_id",
    "amazon_claims": "user_id",
    "detected_losses": "user_id",
    "refund_engine_cases": "user_id",
    "cost_entries": "user_id",
    "case_recoveries": "user_id",
    "stripe_accounts": "user_id",
}


def upgrade() -> None:
    for statement in TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
    for statement in RULES.split(";;\n"):
        if statement.strip():
            op.execute(statement)
    for statement in outbox_extras_sql("integrations") + inbox_extras_sql("integrations"):
        op.execute(statement)
    for table, column in TENANT_TABLES.items():
        for statement in tenant_policy_sql(f"integrations.{table}", column=column):
            op.execute(statement)


def downgrade() -> None:
    # The first migration made everything but alembic's own table.
    op.execute("""
        DO $$
        DECLARE
            made record;
        BEGIN
            FOR made IN SELECT tablename FROM pg_tables
                         WHERE schemaname = 'integrations' AND tablename <> 'alembic_version' LOOP
                EXECUTE format('DROP TABLE integrations.%I CASCADE', made.tablename);
            END LOOP;
            FOR made IN SELECT p.oid::regprocedure AS signature FROM pg_proc p
                         WHERE p.pronamespace = 'integrations'::regnamespace LOOP
                EXECUTE format('DROP FUNCTION %s CASCADE', made.signature);
            END LOOP;
        END $$
    """)
