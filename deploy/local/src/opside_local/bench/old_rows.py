"""Years of finished commissions: what `charge_growth` fills the tables with.

Only the tables that accepting a commission touches. Triggers sleep meanwhile: these rows are no
business, they are only in the way.
"""

import asyncpg

TIMEOUT_SECONDS = 240.0
SELLERS = 1_000

_FILL = """
SET session_replication_role = replica;
SET synchronous_commit = off;
SET search_path = payments;
INSERT INTO commissions (id, user_id, claim_id, recovery_id, amount_minor, currency, rate_bp,
    fee_minor, share_minor, collection, charge_minor, state, intent_id, charge_id, collected_minor)
SELECT 'txn_old_' || n, 'usr_' || n % {sellers}, 'clm_' || n, '7', 10000, 'usd', 2000, 2000, 8000,
    'fee_only', 2000, 'settled', 'pi_old_' || n, 'ch_old_' || n, 2000
  FROM generate_series(1, {rows}) n;
INSERT INTO outbox (id, kind, payload, tenant, dedupe_key, status, finished_at)
SELECT 'obx_old_' || n, 'collect_commission', '{{}}', 'usr_' || n % {sellers}, 'old:' || n, 'done', now()
  FROM generate_series(1, {rows}) n;
INSERT INTO idempotency_keys (caller, route, key, fingerprint, status_code, body, resource_id)
SELECT 'main-api', 'POST /x', 'old-' || n, 'f', 202, '{{}}', 'txn_old_' || n
  FROM generate_series(1, {rows}) n;
INSERT INTO used_token_ids
SELECT 'main-api', 'old_' || n, now() FROM generate_series(1, {rows}) n;
INSERT INTO transaction_audit (object_id, user_id, version, to_state, figures, actor, previous_hash,
    hash)
SELECT 'txn_old_' || n, 'usr_' || n % {sellers}, 1, 'settled', '{{}}', 'fill', '', n::text
  FROM generate_series(1, {rows}) n;
ANALYZE commissions, outbox, idempotency_keys, used_token_ids, transaction_audit;
CHECKPOINT;
"""


async def fill(admin_url: str, rows: int) -> None:
    """So many rows in each of the five tables."""
    connection = await asyncpg.connect(admin_url)
    try:
        await connection.execute(_FILL.format(rows=rows, sellers=SELLERS), timeout=TIMEOUT_SECONDS)
    finally:
        await connection.close()
