"""Who may do what: rights by duty, moves by duty, and the last doors of the login role closed.

The roles are made by the bootstrap command. An admin orders and the worker performs: where
facts/money-safety.md lets an admin or a webhook move a commission, the move is made under the worker's,
or (cancelling) the janitor's name.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

EVERYBODY = "payments_api, payments_worker, payments_janitor, payments_admin, payments_auditor"

CLOSED_DOORS = f"""
REVOKE ALL ON ALL TABLES IN SCHEMA payments FROM payments_app;;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA payments FROM payments_app;;
ALTER DEFAULT PRIVILEGES IN SCHEMA payments REVOKE ALL ON TABLES FROM payments_app;;
ALTER DEFAULT PRIVILEGES IN SCHEMA payments REVOKE ALL ON SEQUENCES FROM payments_app;;
-- Of a trigger function as well: with it, a trigger on a table of one's own would write the audit trail.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA payments FROM PUBLIC;;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM PUBLIC;;
GRANT EXECUTE ON FUNCTION payments.share_of(bigint, bigint) TO {EVERYBODY};;
GRANT EXECUTE ON FUNCTION payments.forget_old_events(bigint) TO payments_admin;;
GRANT EXECUTE ON FUNCTION payments.broken_audit_links(text) TO payments_auditor;;
GRANT EXECUTE ON FUNCTION payments.audit_hash(text, text, bigint, text, text, jsonb, text, timestamptz)
    TO payments_auditor;;
ALTER FUNCTION payments.append_audit(text, text, bigint, text, text, jsonb)
    SET search_path = payments, pg_temp;;
ALTER FUNCTION payments.audit_commission() SET search_path = payments, pg_temp;;
ALTER FUNCTION payments.audit_clawback() SET search_path = payments, pg_temp;;
ALTER FUNCTION payments.audit_kept() SET search_path = payments, pg_temp;;
ALTER FUNCTION payments.forget_old_events(bigint) SET search_path = payments, pg_temp;;
"""

_REQUEST = (
    "id, user_id, claim_id, recovery_id, amount_minor, currency, rate_bp, fee_minor, share_minor,"
    " collection, charge_minor, state, deadline_at, customer_id, payment_method_id, failure_reason"
)
_PROGRESS = (
    "state, deadline_at, next_step, failure_reason, customer_id, payment_method_id, intent_id,"
    " confirm_number, charge_id, declined_charge_id, collected_minor, reserved_minor,"
    " transferred_minor, transfer_number, transfer_id, credited_minor, fee_credited_minor,"
    " reversed_minor, refund_reserved_minor, refunded_minor"
)
_ORDER = "id, user_id, commission_id, reversal_id, reason, requested_by, taken_back_minor, state"
_GIVING_BACK = (
    "state, fee_back_minor, reverse_minor, refund_minor, transfer_reversal_id, refund_id,"
    " failure_reason"
)
_STAGE = (
    "SELECT (id, dedupe_key), INSERT (id, kind, payload, tenant, dedupe_key, due_at, trace_parent)"
)
_RECEIVE = (
    "SELECT (id, source, account, event_id), INSERT (id, source, account, event_id, type, payload)"
)
_ANSWER = (
    "SELECT, INSERT (caller, route, key, fingerprint, status_code, body, resource_id),"
    " UPDATE (status_code, body, resource_id)"
)

RIGHTS = {
    "payments_api": {
        "commissions": f"SELECT, INSERT ({_REQUEST}), UPDATE (taken_back_minor)",
        "clawbacks": f"SELECT, INSERT ({_ORDER})",
        "outbox": _STAGE,
        "inbox": _RECEIVE,
        "idempotency_keys": _ANSWER,
        "used_token_ids": "SELECT, INSERT",
        "stripe_customers": "SELECT, INSERT, UPDATE",
        "stripe_accounts": "SELECT, INSERT, UPDATE",
        "stripe_subscriptions": "SELECT, INSERT, UPDATE",
        "stripe_invoices": "SELECT",
    },
    "payments_worker": {
        "commissions": f"SELECT, UPDATE ({_PROGRESS})",
        "clawbacks": f"SELECT, UPDATE ({_GIVING_BACK})",
        "journals": "SELECT, INSERT",
        "postings": "SELECT, INSERT",
        "outbox": "SELECT, INSERT, DELETE, UPDATE (status, attempt, failures, due_at, lease_until,"
        " finished_at, last_error)",
        "inbox": "SELECT, UPDATE (status, attempts, applied_at, last_error)",
        "cases": "SELECT, INSERT",
        "stripe_customers": "SELECT, INSERT, UPDATE",
        "stripe_accounts": "SELECT, UPDATE",
        "stripe_subscriptions": "SELECT, INSERT, UPDATE",
        "stripe_invoices": "SELECT, INSERT, UPDATE",
    },
    "payments_janitor": {
        "commissions": f"SELECT, UPDATE ({_PROGRESS})",
        "clawbacks": f"SELECT, UPDATE ({_GIVING_BACK})",
        "journals": "SELECT, INSERT",
        "postings": "SELECT, INSERT",
        # A fence locks its row, and Postgres asks for the right to change something of it.
        "outbox": f"{_STAGE}, SELECT (attempt, status), UPDATE (last_error)",
        "inbox": _RECEIVE,
        "cases": "SELECT, INSERT",
        "breaks": "SELECT, INSERT, UPDATE",
    },
    "payments_admin": {
        "commissions": "SELECT, UPDATE (taken_back_minor)",
        "clawbacks": f"SELECT, INSERT ({_ORDER}), UPDATE (state, attempt, failure_reason)",
        "outbox": _STAGE,
        "idempotency_keys": f"{_ANSWER}, DELETE",
        "used_token_ids": "SELECT, DELETE",
        "cases": "SELECT, INSERT, UPDATE (closed_at)",
        "breaks": "SELECT, UPDATE (closed_at, closed_by, closing_note)",
        # How much of each a clean-up keeps.
        "journals": "SELECT (booked_at)",
        "transaction_audit": "SELECT (at, user_id)",
        "inbox": "SELECT (received_at)",
    },
}
"""What each duty's own code needs. The auditor reads everything."""


def _rights() -> list[str]:
    grants = [
        f"GRANT {rights} ON payments.{table} TO {role}"
        for role, tables in RIGHTS.items()
        for table, rights in tables.items()
    ]
    return [
        *grants,
        f"GRANT SELECT ON payments.commission_transitions, payments.clawback_transitions TO {EVERYBODY}",
        "GRANT SELECT ON ALL TABLES IN SCHEMA payments TO payments_auditor",
    ]


MOVES = """
ALTER TABLE payments.commission_transitions
    DROP CONSTRAINT pk_commission_transitions,
    ADD COLUMN role TEXT NOT NULL DEFAULT 'payments_worker'
        CONSTRAINT ck_commission_transitions_role CHECK (role IN ('payments_worker', 'payments_janitor')),
    ADD CONSTRAINT pk_commission_transitions PRIMARY KEY (from_state, to_state, role);;
ALTER TABLE payments.commission_transitions ALTER COLUMN role DROP DEFAULT;;

ALTER TABLE payments.clawback_transitions
    DROP CONSTRAINT pk_clawback_transitions,
    ADD COLUMN role TEXT NOT NULL DEFAULT 'payments_worker'
        CONSTRAINT ck_clawback_transitions_role
        CHECK (role IN ('payments_worker', 'payments_janitor', 'payments_admin')),
    ADD CONSTRAINT pk_clawback_transitions PRIMARY KEY (from_state, to_state, role);;
ALTER TABLE payments.clawback_transitions ALTER COLUMN role DROP DEFAULT;;

-- Before there is an intent, cancelling is a decision; later it is also what Stripe tells the worker.
UPDATE payments.commission_transitions SET role = 'payments_janitor'
 WHERE from_state IN ('accepted', 'preparing') AND to_state = 'cancelled';;

INSERT INTO payments.commission_transitions SELECT of_state, to_state, 'payments_janitor' FROM (VALUES
    ('confirming', 'charged'), ('unknown', 'charged'), ('processing', 'charged'),
    ('awaiting_customer', 'charged'), ('failed', 'charged'), ('charged', 'settled'),
    ('confirming', 'processing'), ('unknown', 'processing'),
    ('confirming', 'awaiting_customer'), ('unknown', 'awaiting_customer'),
    ('confirming', 'failed'), ('unknown', 'failed'), ('processing', 'failed'),
    ('awaiting_customer', 'failed'),
    ('ready', 'cancelled'), ('failed', 'cancelled'), ('awaiting_customer', 'cancelled'),
    ('settled', 'reversal_needed'), ('refunded', 'reversal_needed'),
    ('transfer_blocked', 'reversal_needed'), ('reversal_needed', 'refunded'),
    ('reversal_needed', 'settled'), ('reversal_needed', 'transfer_blocked')) AS m (of_state, to_state);;

UPDATE payments.clawback_transitions SET role = 'payments_admin'
 WHERE from_state = 'blocked' AND to_state = 'credited';;

INSERT INTO payments.clawback_transitions SELECT of_state, to_state, 'payments_janitor' FROM (VALUES
    ('refunding', 'succeeded'), ('refunding', 'refund_pending'), ('refunding', 'blocked'),
    ('refund_pending', 'succeeded'), ('refund_pending', 'blocked'),
    ('succeeded', 'blocked')) AS m (of_state, to_state);;

CREATE FUNCTION payments.guard_mover() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    legal boolean;
BEGIN
    IF TG_TABLE_NAME = 'commissions' THEN
        legal := EXISTS (SELECT 1 FROM payments.commission_transitions t WHERE t.from_state = OLD.state
                          AND t.to_state = NEW.state AND t.role = current_user::text);
    ELSE
        legal := EXISTS (SELECT 1 FROM payments.clawback_transitions t WHERE t.from_state = OLD.state
                          AND t.to_state = NEW.state AND t.role = current_user::text);
    END IF;
    IF NOT legal THEN
        RAISE EXCEPTION '% moves no row of % from % to %', current_user, TG_TABLE_NAME, OLD.state, NEW.state
            USING ERRCODE = '42501';
    END IF;
    RETURN NEW;
END $$;;

CREATE TRIGGER guard_mover BEFORE UPDATE ON payments.commissions
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION payments.guard_mover();;
CREATE TRIGGER guard_mover BEFORE UPDATE ON payments.clawbacks
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION payments.guard_mover();;

CREATE OR REPLACE FUNCTION payments.append_audit(object text, owner text, object_version bigint,
                                                 of_state text, to_state text, figures jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = payments, pg_temp AS $$
DECLARE
    previous text;
    -- The setting, not current_user: that is the owner of this function.
    who text := current_setting('application_name') || ' as ' || current_setting('role');
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
"""

GUARDS = """
CREATE FUNCTION payments.guard_link() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept text := TG_ARGV[0];
BEGIN
    IF NEW.user_id <> OLD.user_id
       OR to_jsonb(OLD)->>kept IS DISTINCT FROM coalesce(to_jsonb(NEW)->>kept, '')
          AND to_jsonb(OLD)->>kept IS NOT NULL THEN
        RAISE EXCEPTION 'whose % it is never changes', kept USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;

CREATE TRIGGER guard_link BEFORE UPDATE ON payments.stripe_accounts
    FOR EACH ROW EXECUTE FUNCTION payments.guard_link('account_id');;
CREATE TRIGGER guard_link BEFORE UPDATE ON payments.stripe_customers
    FOR EACH ROW EXECUTE FUNCTION payments.guard_link('customer_id');;

CREATE FUNCTION payments.guard_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status IN ('applied', 'ignored') AND NEW.status <> OLD.status THEN
        RAISE EXCEPTION 'an event has one effect' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;

CREATE TRIGGER guard_event BEFORE UPDATE ON payments.inbox
    FOR EACH ROW EXECUTE FUNCTION payments.guard_event();;

CREATE FUNCTION payments.keep_young_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Whoever sees one tenant only cannot tell whether the key's transaction is open.
    IF current_setting('opside.tenant', true) IS DISTINCT FROM '*'
       OR OLD.created_at > now() - interval '30 days'
       OR EXISTS (SELECT 1 FROM payments.commissions c
                   WHERE c.id = OLD.resource_id AND c.deadline_at IS NOT NULL) THEN
        RAISE EXCEPTION 'a key lives 30 days, and while its transaction is open' USING ERRCODE = '23514';
    END IF;
    RETURN OLD;
END $$;;

CREATE TRIGGER keep_young_key BEFORE DELETE ON payments.idempotency_keys
    FOR EACH ROW EXECUTE FUNCTION payments.keep_young_key();;

CREATE FUNCTION payments.keep_live_token() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.expires_at >= now() THEN
        RAISE EXCEPTION 'a token that was used stays used while it is good' USING ERRCODE = '23514';
    END IF;
    RETURN OLD;
END $$;;

CREATE TRIGGER keep_live_token BEFORE DELETE ON payments.used_token_ids
    FOR EACH ROW EXECUTE FUNCTION payments.keep_live_token();;
"""


def upgrade() -> None:
    for part in (CLOSED_DOORS, MOVES, GUARDS):
        for statement in part.split(";;\n"):
            if statement.strip():
                op.execute(statement)
    for statement in _rights():
        op.execute(statement)


def downgrade() -> None:
    # The first migration's downgrade drops all tables and functions, and their rights with them.
    pass
