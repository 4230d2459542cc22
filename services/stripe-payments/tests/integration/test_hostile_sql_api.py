"""What an attacker in the app's place tries; the api creates requests, and nothing else."""

import pytest
from factories.hostile_scene import REFUSALS, Attacker

from stripe_payments.roles import API

COLUMNS = (
    "INSERT INTO commissions (id, user_id, claim_id, recovery_id, amount_minor, currency, rate_bp,"
    " fee_minor, share_minor, collection, charge_minor, state"
)
NEW = f"{COLUMNS}) VALUES ('txn_9', 'usr_a', 'c', "
CLAWBACK = (
    "INSERT INTO clawbacks (id, user_id, commission_id, reversal_id, reason, requested_by,"
    " taken_back_minor, state"
)
EVENT = "INSERT INTO inbox (id, source, account, event_id, type, payload"
JOB = "INSERT INTO outbox (id, kind, payload"

BOOK = (
    "INSERT INTO journals (id, kind, effect, commission_id, transaction_number) VALUES"
    " ('jrn_9', 'charge', 'ch_9', 'txn_open', pg_current_xact_id()::text::bigint)",
    "INSERT INTO postings VALUES ('jrn_1', 9, 'asset:stripe_balance', 'usd', 1)",
    "UPDATE journals SET kind = 'refund'",
    "UPDATE postings SET amount_minor = 1",
    "DELETE FROM journals",
    "DELETE FROM postings",
    "SELECT amount_minor FROM postings",
    "SELECT effect FROM journals",
    "SELECT hash FROM transaction_audit",
    "INSERT INTO transaction_audit (object_id, user_id, version, to_state, figures, actor,"
    " previous_hash, hash) VALUES ('txn_open', 'usr_a', 2, 'charged', '{}', 'me', '', '')",
    "UPDATE transaction_audit SET actor = 'nobody'",
    "DELETE FROM transaction_audit",
    "SELECT append_audit('txn_open', 'usr_a', 2, 'accepted', 'charged', '{}')",
    "SELECT entry FROM broken_audit_links('txn_done')",
)
COMMISSIONS = (
    "UPDATE commissions SET state = 'charged' WHERE id = 'txn_open'",
    "UPDATE commissions SET state = 'cancelled', deadline_at = NULL WHERE id = 'txn_open'",
    "UPDATE commissions SET collected_minor = charge_minor",
    "UPDATE commissions SET transferred_minor = 8000",
    "UPDATE commissions SET reserved_minor = 1",
    "UPDATE commissions SET refunded_minor = 10000",
    "UPDATE commissions SET fee_minor = 0, share_minor = amount_minor",
    "UPDATE commissions SET amount_minor = 1",
    "UPDATE commissions SET rate_bp = 0",
    "UPDATE commissions SET currency = 'jpy'",
    "UPDATE commissions SET collection = 'fee_only'",
    "UPDATE commissions SET user_id = 'usr_b'",
    "UPDATE commissions SET claim_id = 'other'",
    "UPDATE commissions SET intent_id = 'pi_evil'",
    "UPDATE commissions SET charge_id = 'ch_evil'",
    "UPDATE commissions SET transfer_id = 'tr_evil'",
    "UPDATE commissions SET customer_id = 'cus_evil'",
    "UPDATE commissions SET payment_method_id = 'pm_evil'",
    "UPDATE commissions SET deadline_at = NULL",
    "UPDATE commissions SET version = 99",
    "UPDATE commissions SET confirm_number = 0",
    "UPDATE commissions SET taken_back_minor = 10001 WHERE id = 'txn_open'",
    "UPDATE commissions SET taken_back_minor = 0 WHERE id = 'txn_done'",
    "DELETE FROM commissions",
    f"{NEW} 'r', 10000, 'usd', 2000, 2000, 8000, 'gross', 10000, 'charged')",
    f"{NEW} 'r', 10000, 'usd', 2000, 2000, 8000, 'gross', 10000, 'settled')",
    f"{NEW} 'r', 10000, 'usd', 2000, 2000, 8000, 'gross', 10000, 'nonsense')",
    f"{NEW} 'r', 10000, 'usd', 2000, 1999, 8001, 'gross', 10000, 'waived')",
    f"{NEW} 'r', 10000, 'usd', 2000, 2000, 8001, 'gross', 10000, 'waived')",
    f"{NEW} 'r', 10000, 'usd', 2000, 2000, 8000, 'fee_only', 10000, 'waived')",
    f"{NEW} 'r', 10000, 'usd', 2000, 2000, 8000, 'gross', 2000, 'waived')",
    f"{NEW} 'r', 10000, 'usd', 2000, 2000, 8000, 'mixed', 2000, 'waived')",
    f"{NEW} 'r', 10000, 'usd', 10001, 10001, -1, 'gross', 10000, 'waived')",
    f"{NEW} 'r', -10000, 'usd', 2000, -2000, -8000, 'gross', -10000, 'waived')",
    f"{NEW} 'r', 0, 'usd', 2000, 0, 0, 'gross', 0, 'waived')",
    f"{NEW} 'r', 10000, 'usd', 2000, 2000, 8000, 'gross', 10000, 'accepted')",
    f"{NEW} NULL, 10000, 'usd', 2000, 2000, 8000, 'gross', 10000, 'waived')",
    f"{COLUMNS}) VALUES ('txn_9', 'usr_a', 'txn_open', 'r', 1, 'usd', 0, 0, 1, 'gross', 1, 'waived')",
    f"{COLUMNS}) VALUES ('txn_open', 'usr_a', 'c', 'r', 1, 'usd', 0, 0, 1, 'gross', 1, 'waived')",
    f"{COLUMNS}, collected_minor) VALUES"
    " ('txn_9', 'usr_a', 'c', 'r', 50, 'usd', 0, 0, 50, 'gross', 50, 'waived', 50)",
    f"{COLUMNS}, intent_id) VALUES"
    " ('txn_9', 'usr_a', 'c', 'r', 50, 'usd', 0, 0, 50, 'gross', 50, 'waived', 'pi_9')",
    f"{COLUMNS}, version) VALUES"
    " ('txn_9', 'usr_a', 'c', 'r', 50, 'usd', 0, 0, 50, 'gross', 50, 'waived', 7)",
    "INSERT INTO commission_transitions VALUES ('accepted', 'charged', 'payments_api')",
    "UPDATE commission_transitions SET role = 'payments_api'",
    "DELETE FROM commission_transitions",
)
CLAWBACKS = (
    "UPDATE clawbacks SET state = 'succeeded'",
    "UPDATE clawbacks SET state = 'credited' WHERE id = 'clw_blocked'",
    "UPDATE clawbacks SET refund_minor = 1",
    "UPDATE clawbacks SET taken_back_minor = 1",
    "UPDATE clawbacks SET requested_by = 'nobody'",
    "DELETE FROM clawbacks",
    f"{CLAWBACK}) VALUES ('clw_9', 'usr_a', 'txn_done', 'rev_9', '', '', 1, 'succeeded')",
    f"{CLAWBACK}) VALUES ('clw_9', 'usr_a', 'txn_done', 'rev_9', '', '', 0, 'requested')",
    f"{CLAWBACK}) VALUES ('clw_9', 'usr_a', 'txn_done', 'rev_9', '', '', -1, 'requested')",
    f"{CLAWBACK}) VALUES ('clw_9', 'usr_b', 'txn_done', 'rev_9', '', '', 1, 'requested')",
    f"{CLAWBACK}) VALUES ('clw_9', 'usr_a', 'txn_none', 'rev_9', '', '', 1, 'requested')",
    f"{CLAWBACK}) VALUES ('clw_9', 'usr_a', 'txn_done', 'rev_1', '', '', 1, 'requested')",
    f"{CLAWBACK}, refund_minor) VALUES ('clw_9', 'usr_a', 'txn_done', 'r', '', '', 1, 'requested', 1)",
    "INSERT INTO clawback_transitions VALUES ('blocked', 'succeeded', 'payments_worker')",
)
QUEUES = (
    'UPDATE outbox SET payload = \'{"commissionId": "txn_done"}\'',
    "UPDATE outbox SET status = 'done'",
    "UPDATE outbox SET due_at = 'infinity'",
    "DELETE FROM outbox",
    "SELECT payload FROM outbox",
    f"{JOB}, status) VALUES ('obx_9', 'k', '{{}}', 'done')",
    f"{JOB}, attempt) VALUES ('obx_9', 'k', '{{}}', 7)",
    f"{JOB}, dedupe_key) VALUES ('obx_9', 'k', '{{}}', 'once')",
    "UPDATE inbox SET status = 'applied'",
    "UPDATE inbox SET payload = '{}'",
    "DELETE FROM inbox",
    "SELECT payload FROM inbox",
    f"{EVENT}, status) VALUES ('inb_9', 'stripe', '', 'evt_9', 't', '{{}}', 'applied')",
    f"{EVENT}) VALUES ('inb_9', 'stripe', '', 'evt_1', 't', '{{}}')",
    "SELECT forget_old_events(1)",
)
ANSWERS = (
    "UPDATE idempotency_keys SET body = 'another' WHERE key = 'young'",
    "UPDATE idempotency_keys SET status_code = 500 WHERE key = 'young'",
    "UPDATE idempotency_keys SET fingerprint = 'another'",
    "UPDATE idempotency_keys SET caller = 'another'",
    "DELETE FROM idempotency_keys",
    "INSERT INTO idempotency_keys (caller, route, key, fingerprint) VALUES ('c', 'r', 'new', 'f')",
    "INSERT INTO idempotency_keys (caller, route, key, fingerprint)"
    " VALUES ('main-api', 'r', 'young', 'f')",
    "UPDATE used_token_ids SET expires_at = now()",
    "DELETE FROM used_token_ids",
    "INSERT INTO used_token_ids VALUES ('main-api', 'live', now())",
)
PEOPLE = (
    "UPDATE stripe_accounts SET account_id = 'acct_evil'",
    "UPDATE stripe_accounts SET account_id = NULL",
    "UPDATE stripe_accounts SET user_id = 'usr_b'",
    "DELETE FROM stripe_accounts",
    "UPDATE stripe_customers SET customer_id = 'cus_evil'",
    "UPDATE stripe_customers SET user_id = 'usr_b'",
    "DELETE FROM stripe_customers",
    "UPDATE stripe_subscriptions SET status = 'active' WHERE id = 'sbn_over'",
    "UPDATE stripe_subscriptions SET subscription_id = 'sub_evil'",
    "UPDATE stripe_subscriptions SET user_id = 'usr_b'",
    "DELETE FROM stripe_subscriptions",
    "INSERT INTO stripe_subscriptions (id, user_id, customer_id, price_id, status)"
    " VALUES ('sbn_9', 'usr_a', 'cus_a', 'price_1', 'starting')",
    "INSERT INTO stripe_subscriptions (id, user_id, customer_id, price_id, status)"
    " VALUES ('sbn_9', 'usr_a', 'cus_a', 'price_9', 'active')",
    "INSERT INTO stripe_invoices (id, user_id, customer_id, status, currency, total_minor,"
    " amount_due_minor, amount_paid_minor) VALUES ('in_9', 'usr_a', 'c', 'paid', 'usd', 1, 1, 1)",
    "UPDATE stripe_invoices SET status = 'paid' WHERE id = 'in_open'",
    "DELETE FROM stripe_invoices",
    "SELECT reason FROM cases",
    "INSERT INTO cases (id, kind, reference, reason) VALUES ('hum_9', 'k', 'r', '')",
    "UPDATE cases SET closed_at = now()",
    "SELECT cause FROM breaks",
    "UPDATE breaks SET closed_at = now(), closed_by = 'me'",
)


@pytest.mark.parametrize("statement", [*BOOK, *COMMISSIONS, *CLAWBACKS, *QUEUES, *ANSWERS, *PEOPLE])
async def test_the_api_is_refused(attacker: Attacker, statement: str) -> None:
    assert await attacker.tries(statement, role=API) in REFUSALS
