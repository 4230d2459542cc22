"""What the database refuses: illegal moves, money from nothing, a changed past."""

from alembic import op

revision = "0002"
down_revision = "0001"

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


def upgrade() -> None:
    for statement in RULES.split(";;\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    # The first migration's downgrade drops all tables and functions; guards do not go alone.
    pass
