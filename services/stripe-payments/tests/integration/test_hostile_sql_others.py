"""What is refused to janitor, admin and auditor, to the bare login role, and to everybody."""

import pytest
from factories.hostile_scene import REFUSALS, Attacker

from stripe_payments.roles import ADMIN, AUDITOR, EVERYBODY, JANITOR

JANITOR_TRIES = (
    "INSERT INTO commissions (id, user_id, claim_id, recovery_id, amount_minor, currency, rate_bp,"
    " fee_minor, share_minor, collection, charge_minor, state)"
    " VALUES ('txn_9', 'usr_a', 'c', 'r', 10000, 'usd', 2000, 2000, 8000, 'gross', 10000, 'waived')",
    "UPDATE commissions SET state = 'preparing' WHERE id = 'txn_open'",
    "UPDATE commissions SET state = 'confirming', deadline_at = now() WHERE id = 'txn_failed'",
    "UPDATE commissions SET state = 'transferring', reserved_minor = 8000 WHERE id = 'txn_charged'",
    "UPDATE commissions SET state = 'reversal_needed' WHERE id = 'txn_charged'",
    "UPDATE commissions SET taken_back_minor = 10000",
    "UPDATE clawbacks SET state = 'credited' WHERE id = 'clw_asked'",
    "UPDATE clawbacks SET state = 'credited' WHERE id = 'clw_blocked'",
    "UPDATE clawbacks SET attempt = 9",
    "INSERT INTO clawbacks (id, user_id, commission_id, reversal_id, reason, requested_by,"
    " taken_back_minor, state) VALUES ('clw_9', 'usr_a', 'txn_done', 'r', '', '', 1, 'requested')",
    "UPDATE outbox SET status = 'parked'",
    "DELETE FROM outbox",
    "SELECT payload FROM outbox",
    "UPDATE inbox SET status = 'ignored'",
    "UPDATE breaks SET reference = 'po_9' WHERE id = 'brk_open'",
    "UPDATE breaks SET closed_at = NULL, closed_by = NULL WHERE id = 'brk_closed'",
    "UPDATE breaks SET closed_at = now() WHERE id = 'brk_open'",
    "DELETE FROM breaks",
    "UPDATE cases SET reason = 'nothing'",
    "SELECT account_id FROM stripe_accounts",
    "SELECT payment_method_id FROM stripe_customers",
    "SELECT body FROM idempotency_keys",
    "SELECT hash FROM transaction_audit",
    "UPDATE journals SET kind = 'refund'",
)
ADMIN_TRIES = (
    "INSERT INTO journals (id, kind, effect, commission_id, transaction_number)"
    " VALUES ('jrn_9', 'refund', 're_9', 'txn_done', pg_current_xact_id()::text::bigint)",
    "INSERT INTO postings VALUES ('jrn_1', 9, 'asset:stripe_balance', 'usd', 1)",
    "SELECT amount_minor FROM postings",
    "UPDATE commissions SET state = 'confirming', deadline_at = now() WHERE id = 'txn_failed'",
    "UPDATE commissions SET state = 'cancelled', deadline_at = NULL WHERE id = 'txn_open'",
    "UPDATE commissions SET state = 'refunded', deadline_at = NULL WHERE id = 'txn_done'",
    "UPDATE commissions SET refunded_minor = 10000",
    "UPDATE commissions SET taken_back_minor = 10001 WHERE id = 'txn_open'",
    "UPDATE commissions SET taken_back_minor = 4999 WHERE id = 'txn_done'",
    "UPDATE clawbacks SET state = 'succeeded' WHERE id = 'clw_blocked'",
    "UPDATE clawbacks SET state = 'credited' WHERE id = 'clw_asked'",
    "UPDATE clawbacks SET state = 'nothing_due' WHERE id = 'clw_asked'",
    "UPDATE clawbacks SET refund_id = 're_9'",
    "DELETE FROM clawbacks",
    "DELETE FROM idempotency_keys WHERE key = 'young'",
    "DELETE FROM idempotency_keys WHERE key = 'open'",
    "DELETE FROM used_token_ids",
    "SELECT payload FROM inbox",
    "DELETE FROM inbox",
    "SELECT payload FROM outbox",
    "UPDATE outbox SET status = 'waiting'",
    "SELECT hash FROM transaction_audit",
    "UPDATE breaks SET ours_minor = theirs_minor",
    "UPDATE breaks SET closed_by = 'another' WHERE id = 'brk_closed'",
    "INSERT INTO breaks (id, reference, currency, cause, ours_minor, theirs_minor)"
    " VALUES ('brk_9', 'po_9', 'usd', '', 0, 5)",
    "UPDATE cases SET reason = 'nothing'",
    "DELETE FROM cases",
    "UPDATE stripe_accounts SET transfers_active = true",
    "UPDATE stripe_invoices SET status = 'void'",
)
AUDITOR_TRIES = (
    "UPDATE commissions SET taken_back_minor = 0",
    "SELECT id FROM commissions FOR UPDATE",
    "INSERT INTO clawbacks SELECT * FROM clawbacks",
    "UPDATE clawbacks SET attempt = 2",
    "INSERT INTO journals SELECT * FROM journals",
    "INSERT INTO postings SELECT * FROM postings",
    "INSERT INTO transaction_audit (object_id, user_id, version, to_state, figures, actor,"
    " previous_hash, hash) VALUES ('txn_done', 'usr_a', 2, 'x', '{}', 'me', '', '')",
    "UPDATE transaction_audit SET hash = 'x'",
    "DELETE FROM transaction_audit",
    "INSERT INTO outbox (id, kind, payload) VALUES ('obx_9', 'transfer_share', '{}')",
    "UPDATE inbox SET status = 'ignored'",
    "UPDATE breaks SET closing_note = ''",
    "UPDATE cases SET closed_at = now()",
    "UPDATE stripe_accounts SET country = 'DE'",
    "UPDATE stripe_customers SET payment_method_id = NULL",
    "UPDATE idempotency_keys SET body = ''",
    "SELECT forget_old_events(365)",
)
CONQUESTS = (
    "SET LOCAL ROLE payments_owner",
    "SET SESSION AUTHORIZATION payments_owner",
    "SET session_replication_role = 'replica'",
    "ALTER TABLE commissions DISABLE TRIGGER guard_commission",
    "ALTER TABLE commissions DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE commissions NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE postings DROP CONSTRAINT ck_postings_amount",
    "ALTER TABLE journals OWNER TO payments_app",
    "DROP TRIGGER seal_posting ON postings",
    "DROP POLICY tenant ON commissions",
    "CREATE POLICY mine ON commissions USING (true)",
    "DROP TABLE transaction_audit",
    "TRUNCATE journals CASCADE",
    "CREATE TABLE payments.mine (id int)",
    "CREATE FUNCTION payments.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "ALTER FUNCTION payments.share_of(bigint, bigint) RENAME TO other",
    "DROP FUNCTION payments.guard_mover() CASCADE",
    "CREATE TEMP TABLE mine (id text, user_id text, version bigint, status text);"
    " CREATE TRIGGER mine AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION payments.audit_kept()",
    "GRANT payments_owner TO payments_app",
    "GRANT payments_app TO payments_worker",
    "GRANT EXECUTE ON FUNCTION append_audit(text, text, bigint, text, text, jsonb) TO payments_api",
    "ALTER ROLE payments_app BYPASSRLS",
    "ALTER ROLE payments_app SUPERUSER",
    "CREATE ROLE mine LOGIN",
    "ALTER SCHEMA payments OWNER TO payments_app",
    "UPDATE pg_catalog.pg_authid SET rolsuper = true",
    "UPDATE alembic_version SET version_num = '0001'",
    "COPY commissions TO PROGRAM 'cat'",
)
TABLES = (
    *("commissions", "clawbacks", "journals", "postings", "transaction_audit", "outbox", "inbox"),
    *("idempotency_keys", "used_token_ids", "cases", "breaks", "stripe_accounts"),
    *("stripe_customers", "stripe_subscriptions", "stripe_invoices", "commission_transitions"),
    *("clawback_transitions", "alembic_version"),
)


@pytest.mark.parametrize("statement", JANITOR_TRIES)
async def test_the_janitor_is_refused(attacker: Attacker, statement: str) -> None:
    assert await attacker.tries(statement, role=JANITOR) in REFUSALS


@pytest.mark.parametrize("statement", ADMIN_TRIES)
async def test_the_admin_is_refused(attacker: Attacker, statement: str) -> None:
    assert await attacker.tries(statement, role=ADMIN) in REFUSALS


@pytest.mark.parametrize("statement", AUDITOR_TRIES)
async def test_the_auditor_is_refused(attacker: Attacker, statement: str) -> None:
    assert await attacker.tries(statement, role=AUDITOR) in REFUSALS


@pytest.mark.parametrize("statement", CONQUESTS)
async def test_nobody_takes_the_database_over(attacker: Attacker, statement: str) -> None:
    for role in (*EVERYBODY, None):
        assert await attacker.tries(statement, role=role) in REFUSALS, role


@pytest.mark.parametrize("table", TABLES)
async def test_the_login_role_itself_does_nothing(attacker: Attacker, table: str) -> None:
    for statement in (f"SELECT 1 FROM {table}", f"DELETE FROM {table}"):  # noqa: S608
        assert await attacker.tries(statement, role=None) in REFUSALS
