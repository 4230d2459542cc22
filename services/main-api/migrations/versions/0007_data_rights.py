"""Exports and erasures of a seller's data, and what the application may not delete."""

from alembic import op

from opside_chassis.database import tenant_policy_sql

revision = "0007"
down_revision = "0006"

TABLES = """
CREATE TABLE main_api.account_exports (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    status TEXT NOT NULL,
    ordered_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ready_at TIMESTAMP WITH TIME ZONE,
    delete_at TIMESTAMP WITH TIME ZONE,
    size_bytes BIGINT,
    sha256 TEXT,
    CONSTRAINT pk_account_exports PRIMARY KEY (id),
    CONSTRAINT ck_account_exports_status CHECK (status IN ('collecting', 'ready', 'failed', 'deleted')),
    CONSTRAINT ck_account_exports_ready CHECK (
        (ready_at IS NOT NULL) = (status IN ('ready', 'deleted'))
        AND (ready_at IS NULL) = (delete_at IS NULL) AND (ready_at IS NULL) = (sha256 IS NULL)
        AND (ready_at IS NULL) = (size_bytes IS NULL))
);;

CREATE UNIQUE INDEX uq_account_exports_collecting ON main_api.account_exports (user_id)
    WHERE status = 'collecting';;

CREATE TABLE main_api.account_erasures (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    state TEXT NOT NULL,
    ordered_by TEXT NOT NULL,
    ordered_at TIMESTAMP WITH TIME ZONE NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    held_because TEXT,
    begun_at TIMESTAMP WITH TIME ZONE,
    erased_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_account_erasures PRIMARY KEY (id),
    CONSTRAINT ck_account_erasures_state CHECK (state IN ('waiting', 'running', 'done', 'cancelled')),
    CONSTRAINT ck_account_erasures_moments CHECK (
        (begun_at IS NOT NULL) = (state IN ('running', 'done'))
        AND (ended_at IS NOT NULL) = (state IN ('done', 'cancelled'))
        AND (state <> 'done' OR erased_at IS NOT NULL))
);;

CREATE UNIQUE INDEX uq_account_erasures_open ON main_api.account_erasures (user_id)
    WHERE state IN ('waiting', 'running');;
"""

RULES = """
CREATE FUNCTION main_api.guard_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.user_id, NEW.ordered_by, NEW.ordered_at, NEW.starts_at)
       IS DISTINCT FROM (OLD.id, OLD.user_id, OLD.ordered_by, OLD.ordered_at, OLD.starts_at)
       OR (NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
            ('waiting', 'running'), ('waiting', 'cancelled'), ('running', 'done'))) THEN
        RAISE EXCEPTION 'an erasure that has begun is never undone' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;

CREATE TRIGGER guard_erasure BEFORE UPDATE ON main_api.account_erasures
    FOR EACH ROW EXECUTE FUNCTION main_api.guard_erasure();;

REVOKE DELETE ON main_api.account_erasures FROM main_api_app;;

-- As before, but for the owner, in whose name `erase_protected` runs: he alone may take the words out.
CREATE OR REPLACE FUNCTION main_api.keep_objection() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.recovery_row_id, NEW.user_id, NEW.raised_at, NEW.outcome, NEW.decided_by, NEW.decided_at)
       IS NOT DISTINCT FROM
       (OLD.recovery_row_id, OLD.user_id, OLD.raised_at, OLD.outcome, OLD.decided_by, OLD.decided_at)
       AND NEW.reason = '[erased]' AND coalesce(NEW.note, '[erased]') = '[erased]'
       AND current_user = (SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = TG_RELID) THEN
        RETURN NEW;
    END IF;
    IF OLD.outcome IS NOT NULL
       OR (NEW.recovery_row_id, NEW.user_id, NEW.reason, NEW.raised_at)
          IS DISTINCT FROM (OLD.recovery_row_id, OLD.user_id, OLD.reason, OLD.raised_at) THEN
        RAISE EXCEPTION 'an objection keeps its words and never changes once decided'
            USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;

-- Filings and what was changed in them are history that no code of ours may rewrite; erasing their seller
-- is the one lawful way for them to go, and it takes all of his at once.
CREATE FUNCTION main_api.erase_protected(of_user text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = main_api, pg_temp AS $$
BEGIN
    IF of_user = '*' OR current_setting('opside.tenant', true) IS DISTINCT FROM of_user THEN
        RAISE EXCEPTION 'a seller is erased in his own name' USING ERRCODE = '42501';
    END IF;
    DELETE FROM filings WHERE user_id = of_user;
    DELETE FROM evidence_field_changes WHERE user_id = of_user;
    UPDATE objections SET reason = '[erased]', note = CASE WHEN note IS NOT NULL THEN '[erased]' END
     WHERE user_id = of_user AND reason <> '[erased]';
END $$;;

REVOKE EXECUTE ON FUNCTION main_api.erase_protected(text) FROM PUBLIC;;
GRANT EXECUTE ON FUNCTION main_api.erase_protected(text) TO main_api_app;;
"""

FORMER_KEEP_OBJECTION = """
CREATE OR REPLACE FUNCTION main_api.keep_objection() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.outcome IS NOT NULL
       OR (NEW.recovery_row_id, NEW.user_id, NEW.reason, NEW.raised_at)
          IS DISTINCT FROM (OLD.recovery_row_id, OLD.user_id, OLD.reason, OLD.raised_at) THEN
        RAISE EXCEPTION 'an objection keeps its words and never changes once decided'
            USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$
"""

TENANT_TABLES = ("account_exports", "account_erasures")


def upgrade() -> None:
    for statement in (TABLES + RULES).split(";;\n"):
        if statement.strip():
            op.execute(statement)
    for table in TENANT_TABLES:
        for statement in tenant_policy_sql(f"main_api.{table}"):
            op.execute(statement)


def downgrade() -> None:
    op.execute("DROP FUNCTION main_api.erase_protected(text)")
    op.execute(FORMER_KEEP_OBJECTION)
    for table in TENANT_TABLES:
        op.execute(f"DROP TABLE main_api.{table}")
    op.execute("DROP FUNCTION main_api.guard_erasure()")
