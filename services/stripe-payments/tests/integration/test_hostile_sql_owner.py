"""Rights can be given back by mistake: what triggers and constraints refuse, they refuse the owner too."""

import pytest
from factories.hostile_scene import REFUSALS, Attacker

STATEMENTS = (
    "UPDATE commissions SET amount_minor = 1",
    "UPDATE commissions SET rate_bp = 0",
    "UPDATE commissions SET currency = 'eur'",
    "UPDATE commissions SET user_id = 'usr_b'",
    "UPDATE commissions SET intent_id = 'pi_9' WHERE id = 'txn_done'",
    "UPDATE commissions SET charge_id = NULL WHERE id = 'txn_done'",
    "UPDATE commissions SET transfer_id = NULL WHERE id = 'txn_done'",
    "UPDATE commissions SET transferred_minor = 0 WHERE id = 'txn_done'",
    "UPDATE commissions SET taken_back_minor = 0 WHERE id = 'txn_done'",
    # A legal move, but nobody who makes it.
    "UPDATE commissions SET state = 'preparing' WHERE id = 'txn_open'",
    "UPDATE clawbacks SET state = 'nothing_due' WHERE id = 'clw_asked'",
    "UPDATE clawbacks SET taken_back_minor = 1",
    "UPDATE clawbacks SET reversal_id = 'other'",
    "DELETE FROM commissions",
    "DELETE FROM clawbacks",
    "UPDATE journals SET booked_at = now()",
    "DELETE FROM journals",
    "UPDATE postings SET amount_minor = 1",
    "DELETE FROM postings",
    "UPDATE transaction_audit SET actor = 'nobody'",
    "DELETE FROM transaction_audit",
    "UPDATE stripe_accounts SET account_id = 'acct_evil'",
    "UPDATE stripe_accounts SET account_id = NULL",
    "UPDATE stripe_customers SET customer_id = 'cus_evil'",
    "UPDATE stripe_customers SET user_id = 'usr_b'",
    "UPDATE stripe_invoices SET status = 'open' WHERE id = 'in_paid'",
    "UPDATE inbox SET status = 'received' WHERE id = 'inb_1'",
    "UPDATE breaks SET closed_at = NULL, closed_by = NULL WHERE id = 'brk_closed'",
    "UPDATE idempotency_keys SET body = 'another'",
    "DELETE FROM idempotency_keys WHERE key = 'young'",
    "DELETE FROM idempotency_keys WHERE key = 'open'",
    "DELETE FROM used_token_ids",
    "INSERT INTO commission_transitions VALUES ('settled', 'charged', 'payments_api')",
    "INSERT INTO clawback_transitions VALUES ('blocked', 'succeeded', 'payments_auditor')",
)


@pytest.mark.parametrize("statement", STATEMENTS)
async def test_even_the_owner_is_refused(owner: Attacker, statement: str) -> None:
    assert await owner.tries(statement, role=None) in REFUSALS


async def test_the_owner_sees_one_tenant_too(owner: Attacker) -> None:
    changes = "UPDATE commissions SET deadline_at = deadline_at"
    stranger = "INSERT INTO stripe_customers (user_id) VALUES ('usr_c')"
    assert await owner.tries(changes, role=None, tenant="usr_b") is None
    assert await owner.tries(stranger, role=None, tenant="usr_b") in REFUSALS
