"""Filings with their legal moves and their audit, the evidence of packets, secret calendar feeds."""

from alembic import op

from opside_chassis.database import tenant_policy_sql

revision = "0003"
down_revision = "0002"

TABLES = """
CREATE TABLE main_api.filings (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    case_id TEXT NOT NULL,
    claim_id TEXT NOT NULL,
    claim_type TEXT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    quantity BIGINT NOT NULL,
    value_minor BIGINT,
    currency TEXT NOT NULL,
    deadline DATE NOT NULL,
    facts JSONB NOT NULL,
    own_text TEXT,
    amazon_case_id TEXT,
    filed_at TIMESTAMP WITH TIME ZONE,
    told_at TIMESTAMP WITH TIME ZONE,
    told_problem TEXT,
    paid_minor BIGINT DEFAULT '0' NOT NULL,
    paid_currency TEXT,
    paid_units BIGINT DEFAULT '0' NOT NULL,
    reason TEXT,
    changed_by TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_filings PRIMARY KEY (id),
    CONSTRAINT uq_filings_user_id_case_id UNIQUE (user_id, case_id),
    CONSTRAINT uq_filings_user_id_id UNIQUE (user_id, id),
    CONSTRAINT uq_filings_user_id_amazon_case_id UNIQUE (user_id, amazon_case_id),
    CONSTRAINT ck_filings_filed CHECK (
        (state IN ('drafted', 'ready', 'expired')) = (amazon_case_id IS NULL)
        AND (amazon_case_id IS NULL) = (filed_at IS NULL)),
    CONSTRAINT ck_filings_paid CHECK (
        paid_minor >= 0 AND paid_units >= 0 AND (paid_minor = 0 OR paid_currency IS NOT NULL)
        AND (state NOT IN ('paid', 'partly_paid') OR paid_minor > 0)),
    CONSTRAINT ck_filings_amazon_case_id CHECK (amazon_case_id ~ '^[0-9]{6,20}$')
);;

CREATE INDEX ix_filings_deadline ON main_api.filings (deadline) WHERE state IN ('drafted', 'ready');;

CREATE TABLE main_api.filing_transitions (
    from_state TEXT NOT NULL,
    to_state TEXT NOT NULL,
    CONSTRAINT pk_filing_transitions PRIMARY KEY (from_state, to_state)
);;

CREATE TABLE main_api.filing_audit (
    filing_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    user_id TEXT NOT NULL,
    from_state TEXT,
    to_state TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    changes JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_filing_audit PRIMARY KEY (filing_id, version),
    CONSTRAINT fk_filing_audit_user_id_filing_id FOREIGN KEY (user_id, filing_id)
        REFERENCES main_api.filings (user_id, id) ON DELETE CASCADE
);;

CREATE TABLE main_api.filing_evidence (
    user_id TEXT NOT NULL,
    filing_id TEXT NOT NULL,
    document_id TEXT NOT NULL,
    CONSTRAINT pk_filing_evidence PRIMARY KEY (filing_id, document_id),
    CONSTRAINT fk_filing_evidence_user_id_filing_id FOREIGN KEY (user_id, filing_id)
        REFERENCES main_api.filings (user_id, id) ON DELETE CASCADE,
    CONSTRAINT fk_filing_evidence_user_id_document_id FOREIGN KEY (user_id, document_id)
        REFERENCES main_api.evidence_documents (user_id, id)
);;

CREATE INDEX ix_filing_evidence_document_id ON main_api.filing_evidence (document_id);;

CREATE TABLE main_api.calendar_feeds (
    user_id TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_calendar_feeds PRIMARY KEY (user_id),
    CONSTRAINT uq_calendar_feeds_secret_hash UNIQUE (secret_hash)
);;
"""

RULES = """
INSERT INTO main_api.filing_transitions (from_state, to_state) VALUES
    ('drafted', 'ready'), ('drafted', 'filed'), ('drafted', 'expired'),
    ('ready', 'drafted'), ('ready', 'filed'), ('ready', 'expired'),
    ('expired', 'filed'),
    ('filed', 'answered'), ('filed', 'paid'), ('filed', 'partly_paid'), ('filed', 'denied'),
    ('answered', 'paid'), ('answered', 'partly_paid'), ('answered', 'denied'),
    ('partly_paid', 'paid'), ('partly_paid', 'appealed'), ('partly_paid', 'denied'),
    ('paid', 'partly_paid'), ('paid', 'denied'),
    ('denied', 'appealed'), ('denied', 'paid'), ('denied', 'partly_paid'),
    ('appealed', 'answered'), ('appealed', 'paid'), ('appealed', 'partly_paid'), ('appealed', 'denied');;

CREATE FUNCTION main_api.check_filing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'drafted' OR NEW.version <> 1 THEN
            RAISE EXCEPTION 'a filing begins as drafted' USING ERRCODE = '23514';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.version <> OLD.version + 1 THEN
        RAISE EXCEPTION 'every change of a filing is a new version' USING ERRCODE = '23514';
    END IF;
    IF NEW.state <> OLD.state AND NOT EXISTS (
        SELECT 1 FROM main_api.filing_transitions t
         WHERE t.from_state = OLD.state AND t.to_state = NEW.state) THEN
        RAISE EXCEPTION 'a filing cannot go from % to %', OLD.state, NEW.state USING ERRCODE = '23514';
    END IF;
    IF (NEW.id, NEW.user_id, NEW.case_id, NEW.claim_id) IS DISTINCT FROM
       (OLD.id, OLD.user_id, OLD.case_id, OLD.claim_id)
       OR (OLD.amazon_case_id IS NOT NULL AND NEW.amazon_case_id IS DISTINCT FROM OLD.amazon_case_id)
       OR (OLD.state <> 'drafted' AND (NEW.facts, NEW.own_text, NEW.quantity, NEW.value_minor,
           NEW.currency, NEW.deadline) IS DISTINCT FROM (OLD.facts, OLD.own_text, OLD.quantity,
           OLD.value_minor, OLD.currency, OLD.deadline)) THEN
        RAISE EXCEPTION 'what was claimed, and under which number, never changes' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;

CREATE TRIGGER check_filing BEFORE INSERT OR UPDATE ON main_api.filings
    FOR EACH ROW EXECUTE FUNCTION main_api.check_filing();;

CREATE FUNCTION main_api.audit_filing() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = main_api, pg_temp AS $$
DECLARE
    former jsonb := CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) ELSE '{}'::jsonb END;
BEGIN
    INSERT INTO filing_audit (filing_id, version, user_id, from_state, to_state, changed_by, changes)
    SELECT NEW.id, NEW.version, NEW.user_id, former->>'state', NEW.state, NEW.changed_by,
           COALESCE(jsonb_object_agg(key, value), '{}'::jsonb)
      FROM jsonb_each(to_jsonb(NEW))
     WHERE former->key IS DISTINCT FROM value
       AND key NOT IN ('id', 'user_id', 'version', 'changed_by', 'created_at', 'updated_at');
    RETURN NULL;
END $$;;

CREATE TRIGGER audit_filing AFTER INSERT OR UPDATE ON main_api.filings
    FOR EACH ROW EXECUTE FUNCTION main_api.audit_filing();;

CREATE FUNCTION main_api.keep_packet() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM main_api.filings f
                WHERE f.id = COALESCE(NEW.filing_id, OLD.filing_id) AND f.state <> 'drafted') THEN
        RAISE EXCEPTION 'the evidence of a packet changes only while it is drafted' USING ERRCODE = '23514';
    END IF;
    RETURN COALESCE(NEW, OLD);
END $$;;

CREATE TRIGGER keep_packet BEFORE INSERT OR UPDATE OR DELETE ON main_api.filing_evidence
    FOR EACH ROW EXECUTE FUNCTION main_api.keep_packet();;

REVOKE INSERT, UPDATE, DELETE ON main_api.filing_audit, main_api.filing_transitions FROM main_api_app;;
REVOKE DELETE ON main_api.filings FROM main_api_app;;
"""

TENANT_TABLES = ("filings", "filing_audit", "filing_evidence", "calendar_feeds")


def upgrade() -> None:
    for statement in (TABLES + RULES).split(";;\n"):
        if statement.strip():
            op.execute(statement)
    for table in TENANT_TABLES:
        for statement in tenant_policy_sql(f"main_api.{table}"):
            op.execute(statement)


def downgrade() -> None:
    for table in (*reversed(TENANT_TABLES), "filing_transitions"):
        op.execute(f"DROP TABLE main_api.{table} CASCADE")
    for function in ("check_filing", "audit_filing", "keep_packet"):
        op.execute(f"DROP FUNCTION main_api.{function}()")
