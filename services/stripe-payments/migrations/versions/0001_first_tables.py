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

RULES = """
CREATE FUNCTION payments.share_of(amount bigint, rate bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT AS 'SELECT (amount * rate + 5000) / 10000';;

ALTER TABLE payments.commissions
    ADD CONSTRAINT ck_commissions_amounts CHECK (
        amount_minor > 0 AND rate_bp BETWEEN 0 AND 10000
        AND fee_minor = payments.share_of(amount_minor, rate_bp)
        AND fee_minor + share_minor = amount_minor),
    ADD CONSTRAINT ck_commissions_collection CHECK (
        (collection = 'fee_only' AND charge_minor = fee_minor)
        OR (collection = 'gross' AND charge_minor = amount_minor)),
    ADD CONSTRAINT ck_commissions_collected CHECK (collected_minor IN (0, charge_minor)),
    ADD CONSTRAINT ck_commissions_transferred CHECK (
        reserved_minor >= 0 AND transferred_minor >= 0 AND refunded_minor >= 0
        AND refunded_minor <= collected_minor
        AND (reserved_minor + transferred_minor = 0
             OR reserved_minor + transferred_minor + fee_minor <= collected_minor - refunded_minor)),
    ADD CONSTRAINT ck_commissions_charged CHECK (
        (collected_minor = 0) = (state NOT IN
            ('charged', 'transferring', 'transfer_unknown', 'transfer_blocked', 'settled'))),
    ADD CONSTRAINT ck_commissions_intent CHECK (
        intent_id IS NOT NULL OR state IN ('accepted', 'preparing', 'waived', 'cancelled')),
    ADD CONSTRAINT ck_commissions_rest CHECK (
        (deadline_at IS NULL) = (state IN ('awaiting_customer', 'failed', 'transfer_blocked',
                                           'settled', 'waived', 'cancelled')));;

INSERT INTO payments.commission_transitions VALUES
    ('accepted', 'preparing'), ('preparing', 'ready'), ('ready', 'confirming'),
    ('ready', 'awaiting_customer'), ('confirming', 'charged'), ('confirming', 'failed'),
    ('confirming', 'unknown'), ('confirming', 'processing'), ('unknown', 'processing'),
    ('confirming', 'awaiting_customer'), ('unknown', 'awaiting_customer'),
    ('unknown', 'charged'), ('processing', 'charged'), ('awaiting_customer', 'charged'),
    ('failed', 'charged'), ('unknown', 'failed'), ('processing', 'failed'),
    ('awaiting_customer', 'failed'), ('unknown', 'confirming'), ('awaiting_customer', 'confirming'),
    ('failed', 'confirming'), ('accepted', 'cancelled'), ('preparing', 'cancelled'),
    ('ready', 'cancelled'), ('failed', 'cancelled'), ('awaiting_customer', 'cancelled'),
    ('charged', 'transferring'), ('charged', 'settled'), ('transferring', 'settled'),
    ('transferring', 'transfer_unknown'), ('transferring', 'transfer_blocked'),
    ('transfer_unknown', 'transferring'), ('transfer_blocked', 'transferring'),
    ('transfer_unknown', 'settled');;

CREATE FUNCTION payments.guard_commission() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state NOT IN ('accepted', 'waived') OR NEW.version <> 1 THEN
            RAISE EXCEPTION 'a commission begins as accepted or waived' USING ERRCODE = '23514';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.user_id, NEW.claim_id, NEW.recovery_id, NEW.amount_minor, NEW.currency,
        NEW.rate_bp, NEW.fee_minor, NEW.share_minor, NEW.collection, NEW.charge_minor)
       IS DISTINCT FROM
       (OLD.id, OLD.user_id, OLD.claim_id, OLD.recovery_id, OLD.amount_minor, OLD.currency,
        OLD.rate_bp, OLD.fee_minor, OLD.share_minor, OLD.collection, OLD.charge_minor) THEN
        RAISE EXCEPTION 'what a commission is for never changes' USING ERRCODE = '23514';
    END IF;
    IF OLD.intent_id IS NOT NULL AND NEW.intent_id IS DISTINCT FROM OLD.intent_id
       OR OLD.charge_id IS NOT NULL AND NEW.charge_id IS DISTINCT FROM OLD.charge_id
       OR OLD.transfer_id IS NOT NULL AND NEW.transfer_id IS DISTINCT FROM OLD.transfer_id THEN
        RAISE EXCEPTION 'intent, charge and transfer are set once' USING ERRCODE = '23514';
    END IF;
    IF NEW.collected_minor < OLD.collected_minor OR NEW.transferred_minor < OLD.transferred_minor
       OR NEW.refunded_minor < OLD.refunded_minor THEN
        RAISE EXCEPTION 'money that moved stays moved' USING ERRCODE = '23514';
    END IF;
    IF NEW.state <> OLD.state AND NOT EXISTS (
        SELECT 1 FROM payments.commission_transitions t
         WHERE t.from_state = OLD.state AND t.to_state = NEW.state) THEN
        RAISE EXCEPTION 'no commission goes from % to %', OLD.state, NEW.state
            USING ERRCODE = '23514';
    END IF;
    NEW.version := OLD.version + 1;
    NEW.updated_at := now();
    RETURN NEW;
END $$;;

CREATE TRIGGER guard_commission BEFORE INSERT OR UPDATE ON payments.commissions
    FOR EACH ROW EXECUTE FUNCTION payments.guard_commission();;

CREATE FUNCTION payments.audit_hash(previous text, object_id text, version bigint, from_state text,
                                    to_state text, figures jsonb, actor text, at timestamptz)
    RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(sha256(convert_to(concat_ws('|', previous, object_id, version::text,
        coalesce(from_state, ''), to_state, figures::text, actor,
        extract(epoch FROM at)::text), 'UTF8')), 'hex') $$;;

CREATE FUNCTION payments.audit_commission() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = payments AS $$
DECLARE
    previous text;
    figures jsonb;
    of_state text := CASE WHEN TG_OP = 'UPDATE' THEN OLD.state END;
    who text := current_setting('application_name');
    moment timestamptz := clock_timestamp();
BEGIN
    SELECT a.hash INTO previous FROM payments.transaction_audit a
     WHERE a.object_id = NEW.id ORDER BY a.id DESC LIMIT 1;
    previous := coalesce(previous, '');
    figures := jsonb_build_object('collected', NEW.collected_minor, 'reserved', NEW.reserved_minor,
        'transferred', NEW.transferred_minor, 'refunded', NEW.refunded_minor,
        'intent', NEW.intent_id, 'charge', NEW.charge_id, 'transfer', NEW.transfer_id,
        'failure', NEW.failure_reason);
    INSERT INTO payments.transaction_audit
        (object_id, user_id, version, from_state, to_state, figures, actor, at, previous_hash, hash)
    VALUES (NEW.id, NEW.user_id, NEW.version, of_state, NEW.state, figures, who, moment, previous,
        payments.audit_hash(previous, NEW.id, NEW.version, of_state, NEW.state, figures, who, moment));
    RETURN NULL;
END $$;;

CREATE TRIGGER audit_commission AFTER INSERT OR UPDATE ON payments.commissions
    FOR EACH ROW EXECUTE FUNCTION payments.audit_commission();;

CREATE FUNCTION payments.broken_audit_links(object text) RETURNS TABLE (entry bigint)
    LANGUAGE sql STABLE AS $$
    SELECT a.id FROM (
        SELECT t.*, lag(t.hash, 1, '') OVER (ORDER BY t.id) AS before
          FROM payments.transaction_audit t WHERE t.object_id = object) a
     WHERE a.previous_hash <> a.before
        OR a.hash <> payments.audit_hash(a.previous_hash, a.object_id, a.version, a.from_state,
                                         a.to_state, a.figures, a.actor, a.at) $$;;

ALTER TABLE payments.postings
    ADD CONSTRAINT ck_postings_amount CHECK (amount_minor <> 0 AND line > 0),
    ADD CONSTRAINT ck_postings_currency CHECK (currency ~ '^[a-z]{3}$'),
    ADD CONSTRAINT ck_postings_account CHECK (account IN ('asset:stripe_balance',
        'revenue:commission', 'expense:processor_fees', 'liability:seller_share'));;

ALTER TABLE payments.journals
    ADD CONSTRAINT ck_journals_kind CHECK (kind IN ('charge', 'processor_fee', 'transfer'));;

CREATE FUNCTION payments.seal_journal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'journals' THEN
        IF NEW.transaction_number <> pg_current_xact_id()::text::bigint THEN
            RAISE EXCEPTION 'a journal belongs to the transaction that writes it'
                USING ERRCODE = '23514';
        END IF;
    ELSIF NOT EXISTS (SELECT 1 FROM payments.journals j WHERE j.id = NEW.journal_id
                       AND j.transaction_number = pg_current_xact_id()::text::bigint) THEN
        RAISE EXCEPTION 'a committed journal is sealed' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;

CREATE TRIGGER seal_journal BEFORE INSERT ON payments.journals
    FOR EACH ROW EXECUTE FUNCTION payments.seal_journal();;

CREATE TRIGGER seal_posting BEFORE INSERT ON payments.postings
    FOR EACH ROW EXECUTE FUNCTION payments.seal_journal();;

CREATE FUNCTION payments.keep_for_ever() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = '23514';
END $$;;

CREATE TRIGGER keep_for_ever BEFORE UPDATE OR DELETE ON payments.journals
    FOR EACH ROW EXECUTE FUNCTION payments.keep_for_ever();;
CREATE TRIGGER keep_for_ever BEFORE UPDATE OR DELETE ON payments.postings
    FOR EACH ROW EXECUTE FUNCTION payments.keep_for_ever();;
CREATE TRIGGER keep_for_ever BEFORE UPDATE OR DELETE ON payments.transaction_audit
    FOR EACH ROW EXECUTE FUNCTION payments.keep_for_ever();;
CREATE TRIGGER keep_for_ever BEFORE DELETE ON payments.commissions
    FOR EACH ROW EXECUTE FUNCTION payments.keep_for_ever();;

CREATE FUNCTION payments.check_journal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    journal text := CASE TG_TABLE_NAME WHEN 'journals' THEN to_jsonb(NEW)->>'id'
                                       ELSE to_jsonb(NEW)->>'journal_id' END;
BEGIN
    IF (SELECT count(*) FROM payments.postings p WHERE p.journal_id = journal) < 2 THEN
        RAISE EXCEPTION 'a journal has at least two lines' USING ERRCODE = '23514';
    END IF;
    IF EXISTS (SELECT 1 FROM payments.postings p WHERE p.journal_id = journal
                GROUP BY p.currency HAVING sum(p.amount_minor) <> 0) THEN
        RAISE EXCEPTION 'journal % does not sum to zero', journal USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
END $$;;

CREATE CONSTRAINT TRIGGER check_journal AFTER INSERT ON payments.journals
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments.check_journal();;
CREATE CONSTRAINT TRIGGER check_posting AFTER INSERT ON payments.postings
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments.check_journal();;

REVOKE INSERT, UPDATE, DELETE ON payments.transaction_audit, payments.commission_transitions
    FROM payments_app;;
REVOKE UPDATE, DELETE ON payments.journals, payments.postings FROM payments_app;;
REVOKE DELETE ON payments.commissions, payments.cases, payments.stripe_accounts,
    payments.stripe_customers, payments.inbox FROM payments_app;;
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
    for statement in RULES.split(";;\n"):
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
