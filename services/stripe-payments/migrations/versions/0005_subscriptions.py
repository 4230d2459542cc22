"""Subscriptions and invoices as Stripe tells them, and their place in the book."""

from alembic import op

from opside_chassis.database import tenant_policy_sql

revision = "0005"
down_revision = "0004"

STATEMENTS = """
CREATE TABLE payments.stripe_subscriptions (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    price_id TEXT NOT NULL,
    payment_method_id TEXT,
    subscription_id TEXT,
    status TEXT NOT NULL,
    current_period_start TIMESTAMP WITH TIME ZONE,
    current_period_end TIMESTAMP WITH TIME ZONE,
    trial_end TIMESTAMP WITH TIME ZONE,
    cancel_at_period_end BOOLEAN DEFAULT 'false' NOT NULL,
    canceled_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    version BIGINT DEFAULT '1' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_stripe_subscriptions PRIMARY KEY (id),
    CONSTRAINT uq_stripe_subscriptions_subscription_id UNIQUE (subscription_id),
    CONSTRAINT ck_stripe_subscriptions_status CHECK (status IN ('starting', 'refused', 'incomplete',
        'incomplete_expired', 'trialing', 'active', 'past_due', 'canceled', 'unpaid', 'paused')),
    CONSTRAINT ck_stripe_subscriptions_known CHECK (
        subscription_id IS NOT NULL OR status IN ('starting', 'refused'))
);;

CREATE INDEX ix_stripe_subscriptions_user_id ON payments.stripe_subscriptions (user_id);;

CREATE UNIQUE INDEX uq_stripe_subscriptions_live ON payments.stripe_subscriptions (user_id, price_id)
    WHERE status NOT IN ('refused', 'incomplete_expired', 'canceled');;

CREATE TABLE payments.stripe_invoices (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    subscription_id TEXT,
    number TEXT,
    status TEXT NOT NULL,
    billing_reason TEXT,
    currency TEXT NOT NULL,
    total_minor BIGINT NOT NULL,
    amount_due_minor BIGINT NOT NULL,
    amount_paid_minor BIGINT NOT NULL,
    attempt_count BIGINT DEFAULT '0' NOT NULL,
    next_attempt_at TIMESTAMP WITH TIME ZONE,
    failure_reason TEXT,
    hosted_url TEXT,
    payment_intent_id TEXT,
    period_start TIMESTAMP WITH TIME ZONE,
    period_end TIMESTAMP WITH TIME ZONE,
    finalized_at TIMESTAMP WITH TIME ZONE,
    paid_at TIMESTAMP WITH TIME ZONE,
    version BIGINT DEFAULT '1' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_stripe_invoices PRIMARY KEY (id),
    CONSTRAINT ck_stripe_invoices_status CHECK (
        status IN ('draft', 'open', 'paid', 'uncollectible', 'void')),
    CONSTRAINT ck_stripe_invoices_amounts CHECK (amount_due_minor >= 0 AND amount_paid_minor >= 0)
);;

CREATE INDEX ix_stripe_invoices_user_id ON payments.stripe_invoices (user_id);;

CREATE FUNCTION payments.guard_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.user_id, NEW.customer_id) IS DISTINCT FROM (OLD.id, OLD.user_id, OLD.customer_id) THEN
        RAISE EXCEPTION 'whose a % row is never changes', TG_TABLE_NAME USING ERRCODE = '23514';
    END IF;
    NEW.version := OLD.version + 1;
    NEW.updated_at := now();
    RETURN NEW;
END $$;;

CREATE FUNCTION payments.guard_subscription() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.price_id IS DISTINCT FROM OLD.price_id AND OLD.status = 'starting'
       OR OLD.subscription_id IS NOT NULL
          AND NEW.subscription_id IS DISTINCT FROM OLD.subscription_id THEN
        RAISE EXCEPTION 'what a subscription was started with is set once' USING ERRCODE = '23514';
    END IF;
    IF OLD.status IN ('refused', 'incomplete_expired', 'canceled') AND NEW.status <> OLD.status THEN
        RAISE EXCEPTION 'an ended subscription stays ended' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;

CREATE FUNCTION payments.guard_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status IN ('paid', 'void') AND NEW.status <> OLD.status
       OR NEW.amount_paid_minor < OLD.amount_paid_minor THEN
        RAISE EXCEPTION 'a paid or void invoice stays so' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;;

CREATE TRIGGER a_guard_kept BEFORE UPDATE ON payments.stripe_subscriptions
    FOR EACH ROW EXECUTE FUNCTION payments.guard_kept();;
CREATE TRIGGER b_guard_subscription BEFORE UPDATE ON payments.stripe_subscriptions
    FOR EACH ROW EXECUTE FUNCTION payments.guard_subscription();;
CREATE TRIGGER a_guard_kept BEFORE UPDATE ON payments.stripe_invoices
    FOR EACH ROW EXECUTE FUNCTION payments.guard_kept();;
CREATE TRIGGER b_guard_invoice BEFORE UPDATE ON payments.stripe_invoices
    FOR EACH ROW EXECUTE FUNCTION payments.guard_invoice();;
CREATE TRIGGER keep_for_ever BEFORE DELETE ON payments.stripe_subscriptions
    FOR EACH ROW EXECUTE FUNCTION payments.keep_for_ever();;
CREATE TRIGGER keep_for_ever BEFORE DELETE ON payments.stripe_invoices
    FOR EACH ROW EXECUTE FUNCTION payments.keep_for_ever();;

CREATE FUNCTION payments.audit_kept() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = payments AS $$
BEGIN
    PERFORM payments.append_audit(NEW.id, NEW.user_id, NEW.version,
        CASE WHEN TG_OP = 'UPDATE' THEN OLD.status END, NEW.status,
        to_jsonb(NEW) - 'version' - 'updated_at' - 'created_at' - 'user_id' - 'id' - 'status');
    RETURN NULL;
END $$;;

CREATE TRIGGER audit_kept AFTER INSERT OR UPDATE ON payments.stripe_subscriptions
    FOR EACH ROW EXECUTE FUNCTION payments.audit_kept();;
CREATE TRIGGER audit_kept AFTER INSERT OR UPDATE ON payments.stripe_invoices
    FOR EACH ROW EXECUTE FUNCTION payments.audit_kept();;

REVOKE DELETE ON payments.stripe_subscriptions, payments.stripe_invoices FROM payments_app;;

ALTER TABLE payments.journals
    ALTER COLUMN commission_id DROP NOT NULL,
    ADD COLUMN invoice_id TEXT,
    ADD CONSTRAINT fk_journals_invoice_id FOREIGN KEY (invoice_id)
        REFERENCES payments.stripe_invoices (id),
    ADD CONSTRAINT ck_journals_subject CHECK (num_nonnulls(commission_id, invoice_id) = 1);;
CREATE INDEX ix_journals_invoice_id ON payments.journals (invoice_id);;

ALTER TABLE payments.postings DROP CONSTRAINT ck_postings_account;;
ALTER TABLE payments.postings ADD CONSTRAINT ck_postings_account CHECK (account IN (
    'asset:stripe_balance', 'revenue:commission', 'revenue:subscription', 'expense:processor_fees',
    'liability:seller_share', 'liability:refunds_due'));;
ALTER TABLE payments.journals DROP CONSTRAINT ck_journals_kind;;
ALTER TABLE payments.journals ADD CONSTRAINT ck_journals_kind CHECK (kind IN (
    'charge', 'processor_fee', 'transfer', 'credit_note', 'transfer_reversal', 'refund',
    'refund_failed', 'subscription_charge'));;
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";;\n"):
        if statement.strip():
            op.execute(statement)
    for table in ("stripe_subscriptions", "stripe_invoices"):
        for statement in tenant_policy_sql(f"payments.{table}", column="user_id"):
            op.execute(statement)


def downgrade() -> None:
    # The first migration's downgrade drops all tables and functions.
    pass
