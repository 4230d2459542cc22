"""What is known of open cases; evidence documents, their fields, units and matches to cases."""

from alembic import op

from opside_chassis.database import tenant_policy_sql

revision = "0002"
down_revision = "0001"

TABLES = """
CREATE TABLE main_api.case_facts (
    user_id TEXT NOT NULL,
    case_id TEXT NOT NULL,
    claim_id TEXT NOT NULL,
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
    CONSTRAINT pk_case_facts PRIMARY KEY (user_id, case_id)
);;

CREATE INDEX ix_case_facts_deadline ON main_api.case_facts (deadline);;

CREATE TABLE main_api.case_readings (
    user_id TEXT NOT NULL,
    read_at TIMESTAMP WITH TIME ZONE NOT NULL,
    complete BOOLEAN NOT NULL,
    CONSTRAINT pk_case_readings PRIMARY KEY (user_id)
);;

CREATE TABLE main_api.evidence_documents (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    media_type TEXT NOT NULL,
    file_name TEXT NOT NULL,
    kind TEXT NOT NULL,
    reading TEXT NOT NULL,
    reading_note TEXT,
    uploaded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_evidence_documents PRIMARY KEY (id),
    CONSTRAINT uq_evidence_documents_user_id_sha256 UNIQUE (user_id, sha256),
    CONSTRAINT uq_evidence_documents_user_id_id UNIQUE (user_id, id),
    CONSTRAINT ck_evidence_documents_sha256 CHECK (sha256 ~ '^[0-9a-f]{64}$' AND size_bytes > 0),
    CONSTRAINT ck_evidence_documents_kind CHECK (kind IN (
        'invoice', 'packing_list', 'bill_of_lading', 'proof_of_delivery', 'tracking', 'photo',
        'correspondence', 'other')),
    CONSTRAINT ck_evidence_documents_reading CHECK (
        reading IN ('waiting', 'read', 'needs_typing', 'unreadable', 'not_read'))
);;

CREATE TABLE main_api.evidence_fields (
    user_id TEXT NOT NULL,
    document_id TEXT NOT NULL,
    line_no BIGINT NOT NULL,
    name TEXT NOT NULL,
    value TEXT,
    confidence_bp BIGINT NOT NULL,
    page BIGINT,
    place JSONB,
    source TEXT NOT NULL,
    changed_by TEXT,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_evidence_fields PRIMARY KEY (document_id, line_no, name),
    CONSTRAINT fk_evidence_fields_user_id_document_id FOREIGN KEY (user_id, document_id)
        REFERENCES main_api.evidence_documents (user_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_evidence_fields_line CHECK (line_no BETWEEN 0 AND 500),
    CONSTRAINT ck_evidence_fields_confidence CHECK (confidence_bp BETWEEN 0 AND 10000),
    CONSTRAINT ck_evidence_fields_source CHECK (
        source = 'parsed' OR (source = 'typed' AND changed_by IS NOT NULL))
);;

CREATE TABLE main_api.evidence_field_changes (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    user_id TEXT NOT NULL,
    document_id TEXT NOT NULL,
    line_no BIGINT NOT NULL,
    name TEXT NOT NULL,
    old_value TEXT,
    new_value TEXT,
    changed_by TEXT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_evidence_field_changes PRIMARY KEY (id),
    CONSTRAINT fk_evidence_field_changes_user_id_document_id FOREIGN KEY (user_id, document_id)
        REFERENCES main_api.evidence_documents (user_id, id) ON DELETE CASCADE
);;

CREATE INDEX ix_evidence_field_changes_document_id ON main_api.evidence_field_changes (document_id);;

CREATE TABLE main_api.evidence_lines (
    user_id TEXT NOT NULL,
    document_id TEXT NOT NULL,
    line_no BIGINT NOT NULL,
    units BIGINT NOT NULL,
    used_units BIGINT DEFAULT '0' NOT NULL,
    CONSTRAINT pk_evidence_lines PRIMARY KEY (document_id, line_no),
    CONSTRAINT fk_evidence_lines_user_id_document_id FOREIGN KEY (user_id, document_id)
        REFERENCES main_api.evidence_documents (user_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_evidence_lines_used_once CHECK (used_units >= 0 AND used_units <= units)
);;

CREATE TABLE main_api.evidence_matches (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    document_id TEXT NOT NULL,
    line_no BIGINT NOT NULL,
    case_id TEXT NOT NULL,
    units BIGINT NOT NULL,
    status TEXT NOT NULL,
    confidence_bp BIGINT NOT NULL,
    reasons JSONB NOT NULL,
    decided_by TEXT,
    decided_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_evidence_matches PRIMARY KEY (id),
    CONSTRAINT uq_evidence_matches_user_id_document_id_line_no_case_id
        UNIQUE (user_id, document_id, line_no, case_id),
    CONSTRAINT fk_evidence_matches_user_id_document_id FOREIGN KEY (user_id, document_id)
        REFERENCES main_api.evidence_documents (user_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_evidence_matches_status CHECK (status IN ('proposed', 'accepted', 'rejected')),
    CONSTRAINT ck_evidence_matches_units CHECK ((line_no = 0 AND units = 0) OR (line_no > 0 AND units > 0)),
    CONSTRAINT ck_evidence_matches_decided CHECK (
        (status = 'proposed') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)),
    CONSTRAINT ck_evidence_matches_confidence CHECK (confidence_bp BETWEEN 0 AND 10000)
);;

CREATE INDEX ix_evidence_matches_user_id_case_id ON main_api.evidence_matches (user_id, case_id);;
"""

RULES = """
CREATE FUNCTION main_api.keep_field_history() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = main_api, pg_temp AS $$
BEGIN
    IF NEW.source = 'typed' AND (TG_OP = 'INSERT' OR NEW.value IS DISTINCT FROM OLD.value) THEN
        INSERT INTO evidence_field_changes
               (user_id, document_id, line_no, name, old_value, new_value, changed_by, changed_at)
        VALUES (NEW.user_id, NEW.document_id, NEW.line_no, NEW.name,
                CASE WHEN TG_OP = 'UPDATE' THEN OLD.value END, NEW.value, NEW.changed_by,
                NEW.changed_at);
    END IF;
    RETURN NULL;
END $$;;

CREATE TRIGGER keep_field_history AFTER INSERT OR UPDATE ON main_api.evidence_fields
    FOR EACH ROW EXECUTE FUNCTION main_api.keep_field_history();;

CREATE FUNCTION main_api.use_units() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = main_api, pg_temp AS $$
DECLARE
    former bigint := CASE WHEN TG_OP = 'INSERT' OR OLD.status <> 'accepted' THEN 0 ELSE OLD.units END;
    wanted bigint := CASE WHEN TG_OP = 'DELETE' OR NEW.status <> 'accepted' THEN 0 ELSE NEW.units END;
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.user_id, NEW.document_id, NEW.line_no, NEW.case_id)
        IS DISTINCT FROM (OLD.user_id, OLD.document_id, OLD.line_no, OLD.case_id) THEN
        RAISE EXCEPTION 'what a match joins never changes' USING ERRCODE = '23514';
    END IF;
    IF wanted <> former THEN
        UPDATE evidence_lines SET used_units = used_units + wanted - former
         WHERE document_id = COALESCE(NEW.document_id, OLD.document_id)
           AND line_no = COALESCE(NEW.line_no, OLD.line_no);
        IF NOT FOUND AND TG_OP <> 'DELETE' THEN
            RAISE EXCEPTION 'the line has no units' USING ERRCODE = '23514';
        END IF;
    END IF;
    RETURN NULL;
END $$;;

CREATE TRIGGER use_units AFTER INSERT OR UPDATE OR DELETE ON main_api.evidence_matches
    FOR EACH ROW EXECUTE FUNCTION main_api.use_units();;

REVOKE INSERT, UPDATE ON main_api.evidence_lines FROM main_api_app;;
GRANT INSERT (user_id, document_id, line_no, units), UPDATE (units) ON main_api.evidence_lines TO main_api_app;;
REVOKE INSERT, UPDATE, DELETE ON main_api.evidence_field_changes FROM main_api_app;;
"""

TENANT_TABLES = (
    "case_facts",
    "case_readings",
    "evidence_documents",
    "evidence_fields",
    "evidence_field_changes",
    "evidence_lines",
    "evidence_matches",
)


def upgrade() -> None:
    for statement in (TABLES + RULES).split(";;\n"):
        if statement.strip():
            op.execute(statement)
    for table in TENANT_TABLES:
        for statement in tenant_policy_sql(f"main_api.{table}"):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(TENANT_TABLES):
        op.execute(f"DROP TABLE main_api.{table} CASCADE")
    op.execute("DROP FUNCTION main_api.keep_field_history()")
    op.execute("DROP FUNCTION main_api.use_units()")
