"""A seller of whom something is in every table and in the archive, with a word that is nowhere else."""

from pathlib import Path

from service import Service

CANARY = "canary7f3a91"
"""In lower case and without signs, so that it may stand wherever text may."""

_ROWS = """
INSERT INTO connections (user_id, provider, account_id, status, marketplace_id, updated_at) VALUES
    (:u, 'amazon', 'A' || :c, 'not_connected', 'ATVPDKIKX0DER', now());
INSERT INTO consent_attempts VALUES (:c || 'state', :u, :c, now(), 'gmail');
INSERT INTO oauth_tokens (user_id, provider, access_token, refresh_token, expires_at) VALUES
    (:u, 'amazon', 'v1.' || :c, 'v1.' || :c, now());
INSERT INTO amazon_claims (id, user_id, claim_key, marketplace_id, claim_type, fnsku, sku, order_id,
    reference_id, quantity, event_date, opens_on, deadline, currency, confidence_bp, rule_version,
    explanation, sync_id) VALUES
    ('clm_1', :u, :c, 'ATVPDKIKX0DER', 'warehouse_lost', :c, :c, :c, :c, 1, '2026-10-01', '2026-10-02',
     '2026-12-01', 'usd', 9000, '2026-1', jsonb_build_object('order', :c), 'syn_1');
INSERT INTO refund_engine_cases (id, user_id, claim_id, case_status, raw_data, normalized_data, audit_log,
    amazon_case_id, filed_at, filed_quantity) VALUES
    ('cas_1', :u, 'clm_1', 'filed', jsonb_build_object('a', :c), jsonb_build_object('b', :c),
     jsonb_build_array(:c), :c, now(), 1);
INSERT INTO case_recoveries (user_id, recovery_id, case_id, amount_minor, currency, quantity, approved_at,
    reason, amazon_case_id, billable) VALUES
    (:u, :c, 'cas_1', 4200, 'usd', 1, now(), :c, :c, true);
INSERT INTO stripe_transactions (user_id, transaction_id, account_id, kind, category, amount_minor,
    fee_minor, net_minor, currency, occurred_at, available_on, description, identifiers, case_id, recovery_id,
    linked_by) VALUES
    (:u, 'txn_' || :c, 'acct_' || :c, 'charge', 'charge', 10, 0, 10, 'usd', now(), now(), :c, ARRAY[:c],
     'cas_1', :c, 'case');
INSERT INTO papers (id, user_id, sha256, size_bytes, media, filename, kind, shipments, archived_as, sender,
    subject, received_at) VALUES
    ('pap_1', :u, :c, 3, 'application/pdf', :c, 'invoice', jsonb_build_array(:c), :u || '/papers/1', :c, :c,
     now());
INSERT INTO paper_sources VALUES (:u, :c, :c, '1', 'pap_1');
INSERT INTO supplier_invoices (id, user_id, paper_id, status, reason, supplier, goods, reading) VALUES
    ('inv_1', :u, 'pap_1', 'proposed', :c, :c, jsonb_build_array(:c), jsonb_build_array(:c));
INSERT INTO invoice_changes VALUES (:u, 'inv_1', 1, :c, jsonb_build_object('supplier', :c), now());
INSERT INTO mailboxes (user_id, account_id) VALUES (:u, :c || '@example.com');
INSERT INTO found_mails (user_id, account_id, message_id) VALUES (:u, :c, :c);
INSERT INTO cost_entries (id, user_id, sku, unit_cost_minor, currency, source_document, effective_date) VALUES
    ('cst_1', :u, :c, 100, 'usd', :c, '2026-01-01');
INSERT INTO detected_losses (user_id, place, claim_type, fnsku, order_id, reference_id, quantity, event_date,
    reason) VALUES (:u, 1, 'warehouse_lost', :c, :c, :c, 1, '2026-10-01', :c);
INSERT INTO sync_jobs (id, user_id, marketplace_id, step, audit, started_at) VALUES
    ('syn_1', :u, 'ATVPDKIKX0DER', 'fetch', jsonb_build_array(:c), now());
INSERT INTO sync_reports (sync_id, report_key, user_id, report_type, note) VALUES
    ('syn_1', :c, :u, 'GET_LEDGER', :c);
INSERT INTO report_documents (user_id, sync_id, report_type, marketplace_id, document_key) VALUES
    (:u, 'syn_1', 'GET_LEDGER', 'ATVPDKIKX0DER', :c);
INSERT INTO rejected_report_rows VALUES (1, 1, :u, :c);
INSERT INTO report_uploads (id, user_id, files, status, marketplace_id) VALUES
    ('upl_1', :u, jsonb_build_array(:c), 'failed', 'ATVPDKIKX0DER');
INSERT INTO stripe_pulls (user_id, account_id) VALUES (:u, :c);
INSERT INTO stripe_accounts (user_id, stripe_account_id) VALUES (:u, :c);
INSERT INTO given_up_onboardings VALUES (:u, 'refused', :c, now());
INSERT INTO outbox (id, kind, payload, tenant, status) VALUES
    ('obx_' || :u, 'advance_sync', jsonb_build_object('syncId', :c), :u, 'waiting');
INSERT INTO human_cases (id, kind, reference, reason) VALUES ('hum_1', 'taken', :c || ':' || :u, :c)
"""


async def plant(service: Service, user_id: str) -> None:
    """One row of everything, and two documents."""
    rows = _ROWS.replace(":u", f"'{user_id}'").replace(":c", f"'{CANARY}'")
    for statement in rows.split(";\n"):
        await service.execute(statement)
    _store(service.runtime.archive.root / user_id)


def _store(folder: Path) -> None:
    for key in ("papers/1", "GET_LEDGER/received/1.gz", "GET_LEDGER/2026-10/1-0000.parquet"):
        file = folder / key
        file.parent.mkdir(parents=True)
        file.write_bytes(CANARY.encode())
