"""Breaks (where our book and Stripe's account differ), and events that may be forgotten after a year."""

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = """
CREATE TABLE payments.breaks (
    id TEXT NOT NULL,
    reference TEXT NOT NULL,
    currency TEXT NOT NULL,
    cause TEXT NOT NULL,
    ours_minor BIGINT NOT NULL,
    theirs_minor BIGINT NOT NULL,
    transaction_id TEXT,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    closed_by TEXT,
    closing_note TEXT,
    CONSTRAINT pk_breaks PRIMARY KEY (id),
    CONSTRAINT ck_breaks_closed CHECK ((closed_at IS NULL) = (closed_by IS NULL))
);;

CREATE UNIQUE INDEX uq_breaks_open ON payments.breaks (reference, currency) WHERE closed_at IS NULL;;

CREATE FUNCTION payments.guard_break() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.closed_at IS NOT NULL THEN
        RAISE EXCEPTION 'a closed break stays as it was closed' USING ERRCODE = '23514';
    END IF;
    IF (NEW.id, NEW.reference, NEW.currency, NEW.first_seen_at)
       IS DISTINCT FROM (OLD.id, OLD.reference, OLD.currency, OLD.first_seen_at) THEN
        RAISE EXCEPTION 'what a break is about never changes' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;

CREATE TRIGGER guard_break BEFORE UPDATE ON payments.breaks
    FOR EACH ROW EXECUTE FUNCTION payments.guard_break();;

REVOKE DELETE ON payments.breaks FROM payments_app;;

CREATE FUNCTION payments.forget_old_events(days bigint) RETURNS SETOF text
    LANGUAGE sql SECURITY DEFINER SET search_path = payments AS $$
    DELETE FROM payments.inbox
     WHERE status IN ('applied', 'ignored')
       AND received_at < now() - make_interval(days => greatest(days, 365)::int)
    RETURNING id $$;;

CREATE INDEX ix_journals_booked_at ON payments.journals (booked_at);;
CREATE INDEX ix_commissions_state ON payments.commissions (state);;
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";;\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    # The first migration's downgrade drops all tables and functions.
    pass
