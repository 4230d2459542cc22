"""What an attacker in the worker's place tries: he performs what was asked, and asks for nothing himself."""

import pytest
from factories.hostile_scene import REFUSALS, Attacker

from stripe_payments.roles import WORKER

JOURNAL = (
    "INSERT INTO journals (id, kind, effect, commission_id, invoice_id, transaction_number) VALUES"
)
OPEN = (
    f"{JOURNAL} ('jrn_9', 'charge', 'ch_9', 'txn_done', NULL, pg_current_xact_id()::text::bigint)"
)
"""An honest head; each use gives it dishonest lines."""


def journal(*lines: str) -> str:
    """One transaction that opens a journal and writes these lines."""
    return f"{OPEN}; INSERT INTO postings VALUES {', '.join(lines)}" if lines else OPEN  # noqa: S608


REQUESTS = (
    "INSERT INTO commissions (id, user_id, claim_id, recovery_id, amount_minor, currency, rate_bp,"
    " fee_minor, share_minor, collection, charge_minor, state, deadline_at)"
    " VALUES ('txn_9', 'usr_a', 'c', 'r', 10000, 'usd', 2000, 2000, 8000, 'gross', 10000, 'accepted',"
    " now())",
    "UPDATE commissions SET amount_minor = 20000, fee_minor = 4000, share_minor = 16000",
    "UPDATE commissions SET fee_minor = fee_minor",
    "UPDATE commissions SET rate_bp = 0",
    "UPDATE commissions SET currency = 'eur'",
    "UPDATE commissions SET user_id = 'usr_b'",
    "UPDATE commissions SET taken_back_minor = 10000",
    "UPDATE commissions SET version = 1",
    "UPDATE commissions SET created_at = now()",
    "DELETE FROM commissions",
    "INSERT INTO clawbacks (id, user_id, commission_id, reversal_id, reason, requested_by,"
    " taken_back_minor, state) VALUES ('clw_9', 'usr_a', 'txn_done', 'r', '', '', 1, 'requested')",
    "UPDATE clawbacks SET taken_back_minor = 10000",
    "UPDATE clawbacks SET requested_by = 'nobody'",
    "UPDATE clawbacks SET attempt = 2",
    "DELETE FROM clawbacks",
    "SELECT body FROM idempotency_keys",
    "INSERT INTO idempotency_keys (caller, route, key, fingerprint) VALUES ('c', 'r', 'k', 'f')",
    "DELETE FROM idempotency_keys",
    "SELECT token_id FROM used_token_ids",
    "INSERT INTO used_token_ids VALUES ('main-api', 'another', now())",
    "INSERT INTO inbox (id, source, event_id, type, payload)"
    " VALUES ('inb_9', 'stripe', 'evt_9', 'charge.succeeded', '{}')",
    "UPDATE inbox SET payload = '{\"lies\": true}'",
    "UPDATE inbox SET event_id = 'evt_9'",
    "UPDATE inbox SET status = 'received' WHERE id = 'inb_1'",
    "UPDATE inbox SET status = 'nonsense' WHERE id = 'inb_2'",
    "DELETE FROM inbox",
    'UPDATE outbox SET payload = \'{"commissionId": "txn_done"}\'',
    "UPDATE outbox SET kind = 'refund'",
    "UPDATE outbox SET tenant = 'usr_b'",
    "UPDATE outbox SET dedupe_key = NULL",
    "UPDATE outbox SET status = 'nonsense'",
)
MOVES = (
    "UPDATE commissions SET state = 'charged', collected_minor = 10000 WHERE id = 'txn_open'",
    "UPDATE commissions SET state = 'settled', deadline_at = NULL WHERE id = 'txn_open'",
    "UPDATE commissions SET state = 'cancelled', deadline_at = NULL WHERE id = 'txn_open'",
    "UPDATE commissions SET state = 'ready' WHERE id = 'txn_open'",
    "UPDATE commissions SET state = 'ready', intent_id = 'pi_9', deadline_at = now()"
    " WHERE id = 'txn_failed'",
    "UPDATE commissions SET state = 'failed', deadline_at = NULL WHERE id = 'txn_charged'",
    "UPDATE commissions SET state = 'confirming' WHERE id = 'txn_charged'",
    "UPDATE commissions SET state = 'refunded', deadline_at = NULL WHERE id = 'txn_charged'",
    "UPDATE commissions SET state = 'charged', deadline_at = now() WHERE id = 'txn_done'",
    "UPDATE commissions SET state = 'transferring', deadline_at = now() WHERE id = 'txn_done'",
    "UPDATE commissions SET state = 'nonsense' WHERE id = 'txn_open'",
    "UPDATE commissions SET state = NULL WHERE id = 'txn_open'",
    "UPDATE commissions SET deadline_at = NULL WHERE id = 'txn_open'",
    "UPDATE clawbacks SET state = 'credited' WHERE id = 'clw_blocked'",
    "UPDATE clawbacks SET state = 'succeeded' WHERE id = 'clw_asked'",
    "UPDATE clawbacks SET state = 'refunding' WHERE id = 'clw_asked'",
    "UPDATE clawbacks SET state = 'requested' WHERE id = 'clw_done'",
    "UPDATE clawbacks SET state = 'refunding' WHERE id = 'clw_done'",
    "UPDATE clawbacks SET state = 'nonsense' WHERE id = 'clw_asked'",
    "INSERT INTO commission_transitions VALUES ('settled', 'charged', 'payments_worker')",
    "INSERT INTO clawback_transitions VALUES ('blocked', 'credited', 'payments_worker')",
    "DELETE FROM clawback_transitions",
)
FIGURES = (
    "UPDATE commissions SET intent_id = 'pi_9' WHERE id = 'txn_failed'",
    "UPDATE commissions SET intent_id = NULL WHERE id = 'txn_failed'",
    "UPDATE commissions SET intent_id = 'pi_1' WHERE id = 'txn_open'",
    "UPDATE commissions SET charge_id = 'ch_9' WHERE id = 'txn_charged'",
    "UPDATE commissions SET charge_id = NULL WHERE id = 'txn_charged'",
    "UPDATE commissions SET transfer_id = 'tr_9' WHERE id = 'txn_done'",
    "UPDATE commissions SET transfer_id = 'tr_1' WHERE id = 'txn_charged'",
    "UPDATE commissions SET collected_minor = 10000 WHERE id = 'txn_open'",
    "UPDATE commissions SET collected_minor = 0 WHERE id = 'txn_charged'",
    "UPDATE commissions SET collected_minor = 9999 WHERE id = 'txn_charged'",
    "UPDATE commissions SET collected_minor = 20000 WHERE id = 'txn_charged'",
    "UPDATE commissions SET transferred_minor = 8001 WHERE id = 'txn_charged'",
    "UPDATE commissions SET transferred_minor = 1 WHERE id = 'txn_open'",
    "UPDATE commissions SET transferred_minor = 0 WHERE id = 'txn_done'",
    "UPDATE commissions SET reserved_minor = 8001 WHERE id = 'txn_charged'",
    "UPDATE commissions SET reserved_minor = -1 WHERE id = 'txn_charged'",
    "UPDATE commissions SET reserved_minor = 1 WHERE id = 'txn_open'",
    "UPDATE commissions SET reserved_minor = 8000, transferred_minor = 1 WHERE id = 'txn_charged'",
    "UPDATE commissions SET refunded_minor = 1 WHERE id = 'txn_charged'",
    "UPDATE commissions SET refund_reserved_minor = 1 WHERE id = 'txn_charged'",
    "UPDATE commissions SET refunded_minor = 5001 WHERE id = 'txn_done'",
    "UPDATE commissions SET refunded_minor = 0 WHERE id = 'txn_done'",
    "UPDATE commissions SET credited_minor = 1 WHERE id = 'txn_charged'",
    "UPDATE commissions SET credited_minor = 5001 WHERE id = 'txn_done'",
    "UPDATE commissions SET fee_credited_minor = 999 WHERE id = 'txn_done'",
    "UPDATE commissions SET reversed_minor = 4001 WHERE id = 'txn_done'",
    "UPDATE commissions SET reversed_minor = 3999 WHERE id = 'txn_done'",
    "UPDATE commissions SET reversed_minor = 1 WHERE id = 'txn_charged'",
    "UPDATE clawbacks SET refund_minor = 101 WHERE id = 'clw_asked'",
    "UPDATE clawbacks SET fee_back_minor = 2, refund_minor = 1 WHERE id = 'clw_asked'",
    "UPDATE clawbacks SET reverse_minor = 101 WHERE id = 'clw_asked'",
    "UPDATE clawbacks SET refund_minor = 4999 WHERE id = 'clw_done'",
    "UPDATE clawbacks SET refund_id = 're_9' WHERE id = 'clw_done'",
    "UPDATE clawbacks SET refund_id = 're_1' WHERE id = 'clw_asked'",
    "UPDATE clawbacks SET transfer_reversal_id = NULL WHERE id = 'clw_done'",
)
BOOK = (
    journal(),
    journal("('jrn_9', 1, 'asset:stripe_balance', 'usd', 5)"),
    journal(
        "('jrn_9', 1, 'asset:stripe_balance', 'usd', 5)",
        "('jrn_9', 2, 'revenue:commission', 'usd', -4)",
    ),
    journal(
        "('jrn_9', 1, 'asset:stripe_balance', 'usd', 5)",
        "('jrn_9', 2, 'revenue:commission', 'eur', -5)",
    ),
    journal(
        "('jrn_9', 1, 'asset:stripe_balance', 'usd', 0)",
        "('jrn_9', 2, 'revenue:commission', 'usd', 0)",
    ),
    journal(
        "('jrn_9', 1, 'asset:pocket', 'usd', 5)", "('jrn_9', 2, 'revenue:commission', 'usd', -5)"
    ),
    journal(
        "('jrn_9', 1, 'asset:stripe_balance', 'USD', 5)",
        "('jrn_9', 2, 'revenue:commission', 'USD', -5)",
    ),
    journal(
        "('jrn_9', 1, 'asset:stripe_balance', 'usd', 5)",
        "('jrn_9', 1, 'revenue:commission', 'usd', -5)",
    ),
    journal("('jrn_9', 0, 'asset:stripe_balance', 'usd', 5)"),
    journal("('jrn_none', 1, 'asset:stripe_balance', 'usd', 5)"),
    "INSERT INTO postings VALUES ('jrn_1', 4, 'asset:stripe_balance', 'usd', 5),"
    " ('jrn_1', 5, 'revenue:commission', 'usd', -5)",
    f"{JOURNAL} ('jrn_9', 'charge', 'ch_9', 'txn_done', NULL, 1)",
    f"{JOURNAL} ('jrn_9', 'charge', 'ch_1', 'txn_done', NULL, pg_current_xact_id()::text::bigint)",
    f"{JOURNAL} ('jrn_9', 'gift', 'ch_9', 'txn_done', NULL, pg_current_xact_id()::text::bigint)",
    f"{JOURNAL} ('jrn_9', 'charge', 'ch_9', 'txn_none', NULL, pg_current_xact_id()::text::bigint)",
    f"{JOURNAL} ('jrn_9', 'charge', 'ch_9', NULL, NULL, pg_current_xact_id()::text::bigint)",
    f"{JOURNAL} ('jrn_9', 'charge', 'c', 'txn_done', 'in_paid', pg_current_xact_id()::text::bigint)",
    "UPDATE journals SET booked_at = now()",
    "UPDATE journals SET effect = 'ch_9'",
    "DELETE FROM journals",
    "UPDATE postings SET amount_minor = -amount_minor",
    "DELETE FROM postings",
    "SELECT hash FROM transaction_audit",
    "UPDATE transaction_audit SET figures = '{}'",
    "SELECT append_audit('txn_done', 'usr_a', 2, 'settled', 'refunded', '{}')",
)
OTHERS = (
    "INSERT INTO stripe_accounts (user_id, account_id, country) VALUES ('usr_b', 'acct_b', 'US')",
    "UPDATE stripe_accounts SET account_id = 'acct_evil'",
    "UPDATE stripe_customers SET customer_id = 'cus_evil'",
    "UPDATE stripe_customers SET customer_id = NULL",
    "UPDATE stripe_invoices SET status = 'open' WHERE id = 'in_paid'",
    "UPDATE stripe_invoices SET amount_paid_minor = 0 WHERE id = 'in_paid'",
    "UPDATE stripe_invoices SET amount_paid_minor = -1 WHERE id = 'in_open'",
    "UPDATE stripe_invoices SET status = 'nonsense' WHERE id = 'in_open'",
    "UPDATE stripe_invoices SET user_id = 'usr_b'",
    "UPDATE stripe_subscriptions SET status = 'trialing' WHERE id = 'sbn_over'",
    "UPDATE stripe_subscriptions SET customer_id = 'cus_b'",
    "UPDATE cases SET closed_at = now()",
    "DELETE FROM cases",
    "SELECT cause FROM breaks",
    "UPDATE breaks SET closed_at = now(), closed_by = 'me'",
    "SELECT forget_old_events(365)",
)


@pytest.mark.parametrize("statement", [*REQUESTS, *MOVES, *FIGURES, *BOOK, *OTHERS])
async def test_the_worker_is_refused(attacker: Attacker, statement: str) -> None:
    assert await attacker.tries(statement, role=WORKER) in REFUSALS


async def test_an_honest_journal_is_taken(attacker: Attacker) -> None:
    """So that the others are refused for what they are."""
    honest = journal(
        "('jrn_9', 1, 'asset:stripe_balance', 'usd', 5)",
        "('jrn_9', 2, 'revenue:commission', 'usd', -5)",
    )
    assert await attacker.tries(honest, role=WORKER) is None
