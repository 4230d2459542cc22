"""Two empty lists before the next key; cursors of events; cases that a person resolves; ignored events."""

from alembic import op

revision = "0008"
down_revision = "0007"

KEYS = """
ALTER TABLE payments.commissions
    ADD COLUMN transfer_asked_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN transfer_unseen_at TIMESTAMP WITH TIME ZONE;;
ALTER TABLE payments.clawbacks
    ADD COLUMN asked_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN unseen_at TIMESTAMP WITH TIME ZONE;;

GRANT UPDATE (transfer_asked_at, transfer_unseen_at) ON payments.commissions TO payments_worker;;
GRANT UPDATE (attempt, asked_at, unseen_at) ON payments.clawbacks TO payments_worker;;

-- facts/money-safety.md section 5: the next key only after two lists an hour apart that show nothing.
CREATE FUNCTION payments.guard_next_key(number_grew bigint, fresh boolean, asked timestamptz,
        unseen timestamptz, asked_then timestamptz, unseen_then timestamptz) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    IF unseen IS DISTINCT FROM unseen_then AND unseen < now() - interval '10 minutes' THEN
        RAISE EXCEPTION 'a list is not dated back' USING ERRCODE = '23514';
    END IF;
    IF fresh THEN
        IF number_grew NOT IN (0, 1) THEN
            RAISE EXCEPTION 'keys are numbered one by one' USING ERRCODE = '23514';
        END IF;
    ELSIF number_grew = 0 THEN
        IF asked IS DISTINCT FROM asked_then
           OR unseen_then IS NOT NULL AND unseen IS DISTINCT FROM unseen_then THEN
            RAISE EXCEPTION 'when a key was taken, and nothing seen of it, stays' USING ERRCODE = '23514';
        END IF;
    ELSIF number_grew <> 1 OR NOT coalesce(asked >= unseen_then + interval '1 hour', false) THEN
        RAISE EXCEPTION 'the next key comes after two empty lists an hour apart' USING ERRCODE = '23514';
    END IF;
END $$;;

CREATE FUNCTION payments.guard_transfer_key() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = payments, pg_temp AS $$
BEGIN
    PERFORM payments.guard_next_key(NEW.transfer_number - OLD.transfer_number, OLD.reserved_minor = 0,
        NEW.transfer_asked_at, NEW.transfer_unseen_at, OLD.transfer_asked_at, OLD.transfer_unseen_at);
    RETURN NEW;
END $$;;

CREATE FUNCTION payments.guard_clawback_key() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = payments, pg_temp AS $$
BEGIN
    -- Another step, or one that a person let go on, asks for the first time.
    PERFORM payments.guard_next_key(NEW.attempt - OLD.attempt,
        OLD.state = 'blocked' OR OLD.state <> NEW.state AND NEW.attempt = OLD.attempt,
        NEW.asked_at, NEW.unseen_at, OLD.asked_at, OLD.unseen_at);
    RETURN NEW;
END $$;;

CREATE TRIGGER guard_transfer_key BEFORE UPDATE ON payments.commissions FOR EACH ROW
    WHEN ((OLD.transfer_number, OLD.transfer_asked_at, OLD.transfer_unseen_at)
          IS DISTINCT FROM (NEW.transfer_number, NEW.transfer_asked_at, NEW.transfer_unseen_at))
    EXECUTE FUNCTION payments.guard_transfer_key();;
CREATE TRIGGER guard_clawback_key BEFORE UPDATE ON payments.clawbacks FOR EACH ROW
    WHEN ((OLD.attempt, OLD.asked_at, OLD.unseen_at)
          IS DISTINCT FROM (NEW.attempt, NEW.asked_at, NEW.unseen_at))
    EXECUTE FUNCTION payments.guard_clawback_key();;

CREATE OR REPLACE FUNCTION payments.audit_commission() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = payments, pg_temp AS $$
BEGIN
    PERFORM payments.append_audit(NEW.id, NEW.user_id, NEW.version,
        CASE WHEN TG_OP = 'UPDATE' THEN OLD.state END, NEW.state,
        jsonb_build_object('collected', NEW.collected_minor, 'reserved', NEW.reserved_minor,
            'transferred', NEW.transferred_minor, 'refunded', NEW.refunded_minor,
            'takenBack', NEW.taken_back_minor, 'credited', NEW.credited_minor,
            'reversed', NEW.reversed_minor, 'refundReserved', NEW.refund_reserved_minor,
            'intent', NEW.intent_id, 'charge', NEW.charge_id, 'transfer', NEW.transfer_id,
            'transferKey', NEW.transfer_number, 'transferUnseen', NEW.transfer_unseen_at,
            'failure', NEW.failure_reason));
    RETURN NULL;
END $$;;

CREATE OR REPLACE FUNCTION payments.audit_clawback() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = payments, pg_temp AS $$
BEGIN
    PERFORM payments.append_audit(NEW.id, NEW.user_id, NEW.version,
        CASE WHEN TG_OP = 'UPDATE' THEN OLD.state END, NEW.state,
        jsonb_build_object('commission', NEW.commission_id, 'reversal', NEW.reversal_id,
            'takenBack', NEW.taken_back_minor, 'feeBack', NEW.fee_back_minor,
            'reverse', NEW.reverse_minor, 'refund', NEW.refund_minor, 'attempt', NEW.attempt,
            'unseen', NEW.unseen_at,
            'transferReversal', NEW.transfer_reversal_id, 'refundId', NEW.refund_id,
            'requestedBy', NEW.requested_by, 'failure', NEW.failure_reason));
    RETURN NULL;
END $$;;
"""

CURSORS = """
CREATE TABLE payments.event_cursors (
    account TEXT NOT NULL,
    listed_until TIMESTAMP WITH TIME ZONE NOT NULL,
    polled_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_event_cursors PRIMARY KEY (account)
);;
CREATE INDEX ix_event_cursors_polled_at ON payments.event_cursors (polled_at);;
GRANT SELECT, INSERT, UPDATE (listed_until, polled_at) ON payments.event_cursors TO payments_janitor;;
GRANT SELECT ON payments.event_cursors TO payments_auditor;;

-- Reading begins where the account does; who polls need not know whose it is.
CREATE FUNCTION payments.begin_cursor() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = payments, pg_temp AS $$
BEGIN
    INSERT INTO payments.event_cursors (account, listed_until) VALUES (NEW.account_id, NEW.created_at)
        ON CONFLICT (account) DO NOTHING;
    RETURN NULL;
END $$;;
CREATE TRIGGER begin_cursor AFTER INSERT OR UPDATE OF account_id ON payments.stripe_accounts
    FOR EACH ROW WHEN (NEW.account_id IS NOT NULL) EXECUTE FUNCTION payments.begin_cursor();;
SELECT set_config('opside.tenant', '*', true);;
INSERT INTO payments.event_cursors (account, listed_until)
    SELECT account_id, created_at FROM payments.stripe_accounts WHERE account_id IS NOT NULL;;

-- A cursor that goes back would only list again; one that is lost would miss what it stood for.
CREATE FUNCTION payments.guard_cursor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.account <> OLD.account OR NEW.listed_until < OLD.listed_until THEN
        RAISE EXCEPTION 'a cursor moves forward' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;
CREATE TRIGGER guard_cursor BEFORE UPDATE ON payments.event_cursors
    FOR EACH ROW EXECUTE FUNCTION payments.guard_cursor();;
"""

CASES = """
ALTER TABLE payments.cases ADD COLUMN closed_by TEXT, ADD COLUMN closing_note TEXT;;
CREATE INDEX ix_cases_open ON payments.cases (reference, kind) WHERE closed_at IS NULL;;
CREATE INDEX ix_cases_open_since ON payments.cases (opened_at) WHERE closed_at IS NULL;;
GRANT UPDATE (closed_by, closing_note) ON payments.cases TO payments_admin;;

CREATE FUNCTION payments.guard_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.closed_at IS NOT NULL THEN
        RAISE EXCEPTION 'a closed case stays as it was closed' USING ERRCODE = '23514';
    END IF;
    IF (NEW.id, NEW.kind, NEW.reference, NEW.reason, NEW.opened_at)
       IS DISTINCT FROM (OLD.id, OLD.kind, OLD.reference, OLD.reason, OLD.opened_at) THEN
        RAISE EXCEPTION 'what a case is about never changes' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;
CREATE TRIGGER guard_case BEFORE UPDATE ON payments.cases
    FOR EACH ROW EXECUTE FUNCTION payments.guard_case();;
"""

EVENTS = """
GRANT INSERT (status) ON payments.inbox TO payments_api;;
CREATE INDEX ix_inbox_ignored ON payments.inbox (received_at) WHERE status = 'ignored';;

CREATE FUNCTION payments.guard_new_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status NOT IN ('received', 'ignored') THEN
        RAISE EXCEPTION 'an event has no effect before it is received' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;
CREATE TRIGGER guard_new_event BEFORE INSERT ON payments.inbox
    FOR EACH ROW EXECUTE FUNCTION payments.guard_new_event();;
"""

# Its first column begins the unique (user_id, claim_id, recovery_id) as well.
REDUNDANT = "DROP INDEX payments.ix_commissions_user_id;;\n"


def upgrade() -> None:
    for part in (KEYS, CURSORS, CASES, EVENTS, REDUNDANT):
        for statement in part.split(";;\n"):
            if statement.strip():
                op.execute(statement)


def downgrade() -> None:
    # The first migration's downgrade drops all tables and functions.
    pass
