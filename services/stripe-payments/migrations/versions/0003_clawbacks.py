"""Fees given back: clawbacks, what they may do to a commission, and their journals."""

from alembic import op

from opside_chassis.database import tenant_policy_sql

revision = "0003"
down_revision = "0002"

COMMISSION_COLUMNS = """
ALTER TABLE payments.commissions
    ADD COLUMN taken_back_minor BIGINT DEFAULT '0' NOT NULL,
    ADD COLUMN credited_minor BIGINT DEFAULT '0' NOT NULL,
    ADD COLUMN fee_credited_minor BIGINT DEFAULT '0' NOT NULL,
    ADD COLUMN reversed_minor BIGINT DEFAULT '0' NOT NULL,
    ADD COLUMN refund_reserved_minor BIGINT DEFAULT '0' NOT NULL,
    ADD COLUMN transfer_number BIGINT DEFAULT '0' NOT NULL,
    ADD CONSTRAINT uq_commissions_user_id_id UNIQUE (user_id, id);;

ALTER TABLE payments.commissions
    DROP CONSTRAINT ck_commissions_transferred,
    DROP CONSTRAINT ck_commissions_charged,
    DROP CONSTRAINT ck_commissions_rest,
    ADD CONSTRAINT ck_commissions_moved CHECK (
        reserved_minor >= 0 AND transferred_minor >= 0 AND refunded_minor >= 0
        AND refund_reserved_minor >= 0 AND reversed_minor BETWEEN 0 AND transferred_minor
        AND reserved_minor <= share_minor),
    -- Rule 6: what left us for the seller and our fee never exceed what the payer still leaves us.
    ADD CONSTRAINT ck_commissions_covered CHECK (
        collected_minor = 0
            AND reserved_minor + transferred_minor + refunded_minor + refund_reserved_minor = 0
        OR reserved_minor + transferred_minor - reversed_minor + fee_minor - fee_credited_minor
            <= collected_minor - refunded_minor - refund_reserved_minor),
    -- Rule 7: cumulative rounding; nothing is given back that was not credited first.
    ADD CONSTRAINT ck_commissions_credited CHECK (
        credited_minor >= 0 AND credited_minor <= taken_back_minor AND taken_back_minor <= amount_minor
        AND fee_credited_minor = payments.share_of(credited_minor, rate_bp)
        AND reversed_minor <= credited_minor - fee_credited_minor
        AND refunded_minor + refund_reserved_minor
            <= CASE collection WHEN 'gross' THEN credited_minor ELSE fee_credited_minor END),
    ADD CONSTRAINT ck_commissions_charged CHECK (
        (collected_minor = 0) = (state NOT IN
            ('charged', 'transferring', 'transfer_unknown', 'transfer_blocked', 'settled',
             'reversal_needed', 'refunded'))),
    ADD CONSTRAINT ck_commissions_refunded CHECK (
        state <> 'refunded' OR credited_minor = amount_minor AND refunded_minor = collected_minor),
    ADD CONSTRAINT ck_commissions_rest CHECK (
        (deadline_at IS NULL) = (state IN ('awaiting_customer', 'failed', 'transfer_blocked',
                                           'settled', 'waived', 'cancelled', 'refunded')));;

INSERT INTO payments.commission_transitions VALUES
    ('charged', 'reversal_needed'), ('settled', 'reversal_needed'),
    ('transfer_blocked', 'reversal_needed'), ('refunded', 'reversal_needed'),
    ('reversal_needed', 'refunded'), ('reversal_needed', 'settled'),
    ('reversal_needed', 'transfer_blocked');;
"""

CLAWBACKS = """
CREATE TABLE payments.clawbacks (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    commission_id TEXT NOT NULL,
    reversal_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    taken_back_minor BIGINT NOT NULL,
    fee_back_minor BIGINT DEFAULT '0' NOT NULL,
    reverse_minor BIGINT DEFAULT '0' NOT NULL,
    refund_minor BIGINT DEFAULT '0' NOT NULL,
    state TEXT NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    attempt BIGINT DEFAULT '1' NOT NULL,
    transfer_reversal_id TEXT,
    refund_id TEXT,
    failure_reason TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_clawbacks PRIMARY KEY (id),
    CONSTRAINT uq_clawbacks_commission_id_reversal_id UNIQUE (commission_id, reversal_id),
    CONSTRAINT uq_clawbacks_transfer_reversal_id UNIQUE (transfer_reversal_id),
    CONSTRAINT uq_clawbacks_refund_id UNIQUE (refund_id),
    CONSTRAINT fk_clawbacks_user_id FOREIGN KEY (user_id, commission_id)
        REFERENCES payments.commissions (user_id, id),
    CONSTRAINT ck_clawbacks_amounts CHECK (
        taken_back_minor > 0 AND fee_back_minor >= 0 AND reverse_minor >= 0 AND refund_minor >= 0
        AND fee_back_minor <= refund_minor AND refund_minor <= taken_back_minor
        AND reverse_minor <= taken_back_minor - fee_back_minor)
);;

CREATE TABLE payments.clawback_transitions (
    from_state TEXT NOT NULL,
    to_state TEXT NOT NULL,
    CONSTRAINT pk_clawback_transitions PRIMARY KEY (from_state, to_state)
);;

INSERT INTO payments.clawback_transitions VALUES
    ('requested', 'credited'), ('requested', 'nothing_due'),
    ('credited', 'reversing'), ('credited', 'refunding'), ('credited', 'succeeded'),
    ('reversing', 'refunding'), ('reversing', 'succeeded'), ('reversing', 'blocked'),
    ('refunding', 'succeeded'), ('refunding', 'refund_pending'), ('refunding', 'blocked'),
    ('refund_pending', 'succeeded'), ('refund_pending', 'blocked'),
    ('succeeded', 'blocked'), ('blocked', 'credited');;

CREATE FUNCTION payments.guard_clawback() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'requested' OR NEW.version <> 1 THEN
            RAISE EXCEPTION 'a clawback begins as requested' USING ERRCODE = '23514';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.user_id, NEW.commission_id, NEW.reversal_id, NEW.taken_back_minor)
       IS DISTINCT FROM
       (OLD.id, OLD.user_id, OLD.commission_id, OLD.reversal_id, OLD.taken_back_minor) THEN
        RAISE EXCEPTION 'what a clawback is for never changes' USING ERRCODE = '23514';
    END IF;
    IF OLD.state <> 'requested' AND (NEW.fee_back_minor, NEW.refund_minor)
       IS DISTINCT FROM (OLD.fee_back_minor, OLD.refund_minor) THEN
        RAISE EXCEPTION 'what a clawback gives back is set once' USING ERRCODE = '23514';
    END IF;
    IF OLD.transfer_reversal_id IS NOT NULL
       AND NEW.transfer_reversal_id IS DISTINCT FROM OLD.transfer_reversal_id THEN
        RAISE EXCEPTION 'a transfer reversal is set once' USING ERRCODE = '23514';
    END IF;
    -- A refund that failed frees its place: the next attempt makes another one.
    IF OLD.refund_id IS NOT NULL AND NEW.refund_id IS DISTINCT FROM OLD.refund_id
       AND NEW.state <> 'blocked' THEN
        RAISE EXCEPTION 'a refund is set once an attempt' USING ERRCODE = '23514';
    END IF;
    IF NEW.state <> OLD.state AND NOT EXISTS (
        SELECT 1 FROM payments.clawback_transitions t
         WHERE t.from_state = OLD.state AND t.to_state = NEW.state) THEN
        RAISE EXCEPTION 'no clawback goes from % to %', OLD.state, NEW.state
            USING ERRCODE = '23514';
    END IF;
    NEW.version := OLD.version + 1;
    NEW.updated_at := now();
    RETURN NEW;
END $$;;

CREATE TRIGGER guard_clawback BEFORE INSERT OR UPDATE ON payments.clawbacks
    FOR EACH ROW EXECUTE FUNCTION payments.guard_clawback();;

CREATE TRIGGER keep_for_ever BEFORE DELETE ON payments.clawbacks
    FOR EACH ROW EXECUTE FUNCTION payments.keep_for_ever();;

REVOKE DELETE ON payments.clawbacks FROM payments_app;;
REVOKE INSERT, UPDATE, DELETE ON payments.clawback_transitions FROM payments_app;;
"""

GUARDS = """
CREATE OR REPLACE FUNCTION payments.guard_commission() RETURNS trigger LANGUAGE plpgsql AS $$
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
       OR NEW.taken_back_minor < OLD.taken_back_minor OR NEW.credited_minor < OLD.credited_minor
       OR NEW.reversed_minor < OLD.reversed_minor
       -- A refund alone can fail after it succeeded; the commission then needs it again.
       OR NEW.refunded_minor < OLD.refunded_minor AND NEW.state <> 'reversal_needed' THEN
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

CREATE FUNCTION payments.append_audit(object text, owner text, object_version bigint,
                                      of_state text, to_state text, figures jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = payments AS $$
DECLARE
    previous text;
    who text := current_setting('application_name');
    moment timestamptz := clock_timestamp();
BEGIN
    SELECT a.hash INTO previous FROM payments.transaction_audit a
     WHERE a.object_id = object ORDER BY a.id DESC LIMIT 1;
    previous := coalesce(previous, '');
    INSERT INTO payments.transaction_audit
        (object_id, user_id, version, from_state, to_state, figures, actor, at, previous_hash, hash)
    VALUES (object, owner, object_version, of_state, to_state, figures, who, moment, previous,
        payments.audit_hash(previous, object, object_version, of_state, to_state, figures, who, moment));
END $$;;

REVOKE EXECUTE ON FUNCTION payments.append_audit(text, text, bigint, text, text, jsonb) FROM PUBLIC;;

CREATE OR REPLACE FUNCTION payments.audit_commission() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = payments AS $$
BEGIN
    PERFORM payments.append_audit(NEW.id, NEW.user_id, NEW.version,
        CASE WHEN TG_OP = 'UPDATE' THEN OLD.state END, NEW.state,
        jsonb_build_object('collected', NEW.collected_minor, 'reserved', NEW.reserved_minor,
            'transferred', NEW.transferred_minor, 'refunded', NEW.refunded_minor,
            'takenBack', NEW.taken_back_minor, 'credited', NEW.credited_minor,
            'reversed', NEW.reversed_minor, 'refundReserved', NEW.refund_reserved_minor,
            'intent', NEW.intent_id, 'charge', NEW.charge_id, 'transfer', NEW.transfer_id,
            'failure', NEW.failure_reason));
    RETURN NULL;
END $$;;

CREATE FUNCTION payments.audit_clawback() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = payments AS $$
BEGIN
    PERFORM payments.append_audit(NEW.id, NEW.user_id, NEW.version,
        CASE WHEN TG_OP = 'UPDATE' THEN OLD.state END, NEW.state,
        jsonb_build_object('commission', NEW.commission_id, 'reversal', NEW.reversal_id,
            'takenBack', NEW.taken_back_minor, 'feeBack', NEW.fee_back_minor,
            'reverse', NEW.reverse_minor, 'refund', NEW.refund_minor, 'attempt', NEW.attempt,
            'transferReversal', NEW.transfer_reversal_id, 'refundId', NEW.refund_id,
            'requestedBy', NEW.requested_by, 'failure', NEW.failure_reason));
    RETURN NULL;
END $$;;

CREATE TRIGGER audit_clawback AFTER INSERT OR UPDATE ON payments.clawbacks
    FOR EACH ROW EXECUTE FUNCTION payments.audit_clawback();;

ALTER TABLE payments.postings DROP CONSTRAINT ck_postings_account;;
ALTER TABLE payments.postings ADD CONSTRAINT ck_postings_account CHECK (account IN (
    'asset:stripe_balance', 'revenue:commission', 'expense:processor_fees',
    'liability:seller_share', 'liability:refunds_due'));;
ALTER TABLE payments.journals DROP CONSTRAINT ck_journals_kind;;
ALTER TABLE payments.journals ADD CONSTRAINT ck_journals_kind CHECK (kind IN (
    'charge', 'processor_fee', 'transfer', 'credit_note', 'transfer_reversal', 'refund',
    'refund_failed'));;
"""


def upgrade() -> None:
    for part in (COMMISSION_COLUMNS, CLAWBACKS, GUARDS):
        for statement in part.split(";;\n"):
            if statement.strip():
                op.execute(statement)
    for statement in tenant_policy_sql("payments.clawbacks", column="user_id"):
        op.execute(statement)


def downgrade() -> None:
    # The first migration's downgrade drops all tables and functions; guards do not go alone.
    pass
